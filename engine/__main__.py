"""`ringfold` and `python -m engine`: the command line without any application of its own."""

import os
import sys

from engine.cli import main


def ringfold() -> int:
    """The console script. An application under development lies in the working directory, where
    `python -m` would look too."""
    sys.path.insert(0, os.getcwd())
    return main()


if __name__ == "__main__":
    sys.exit(main())
