"""The command line of Ringfold with the railway as its application. `python run.py --help`."""

import sys

from domain_12306.command_line import DEMO, RAILWAY
from engine.cli import main

if __name__ == "__main__":
    sys.exit(main(program=RAILWAY, commands=[DEMO]))
