"""`python -m engine`: the command line without any application of its own."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m engine"))
