"""How this program was called, for messages that name another command to type.

`ringfold`, `python run.py` or `python -m engine`: a hint that names a different one cannot be followed.
"""

import os.path
import sys

_name = "ringfold"  # for programs that are no command line, such as those that start a `Node`


def called() -> str:
    """What to type before the name of a command."""
    return _name


def note_call() -> None:
    """Reads it from the process's arguments; called once, by the command line."""
    global _name
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        _name = f"python -m {spec.name.removesuffix('.__main__')}"
    else:
        file = os.path.basename(sys.argv[0])
        _name = f"python {file}" if file.endswith(".py") else file
