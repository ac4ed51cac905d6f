"""How the command line was called, for messages that name another command to type.

`ringfold`, `python run.py` or `python -m engine`: a hint that names a different one cannot be followed.
The processes of a node log such hints too, so they inherit it in a variable of the environment.
"""

import os
import sys

_VARIABLE = "_RINGFOLD_CALLED"


def called() -> str:
    """What to type before the name of a command."""
    return os.environ.get(_VARIABLE, "ringfold")


def note_call() -> None:
    """Reads it from the process's arguments; called once, by the command line."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        os.environ[_VARIABLE] = f"python -m {spec.name.removesuffix('.__main__')}"
    else:
        file = os.path.basename(sys.argv[0])
        os.environ[_VARIABLE] = f"python {file}" if file.endswith(".py") else file
