"""The command line of Ringfold with the railway as its application. `python run.py --help`."""

import sys

from domain_12306 import demo
from engine.cli import Program, main

RAILWAY = Program(
    defaults={"app": "domain_12306.app:create"},
    app_settings={
        "timetable": "timetable file of the railway (the built-in one)",
        "coaches": "coach composition file of the railway (the built-in ones)",
        "policy": "seat policy of the railway: best-fit, first-fit, worst-fit or random:SEED (best-fit)",
    },
)

if __name__ == "__main__":
    sys.exit(main(program=RAILWAY, commands=[demo.COMMAND]))
