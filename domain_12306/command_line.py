"""What the railway adds to the command line: its settings, and a command that shows all of it.

An installed `ringfold` finds the command by its entry point; `run.py` brings the settings too.
"""

from engine.cli import Command, Program

RAILWAY = Program(
    defaults={"app": "domain_12306.app:create"},
    app_settings={
        "timetable": "timetable file of the railway (the built-in one)",
        "coaches": "coach composition file of the railway (the built-in ones)",
        "stations": "file of the railway that says in which city a station is (by its name)",
        "calendar": "whether trains are put on sale by themselves, 15 days ahead: on or off (on)",
        "provider": "how the simulated provider of payments behaves: decline=0.1,late=0.2,… (pays at once)",
        "policy": "seat policy of the railway: best-fit, first-fit, worst-fit or random:SEED (best-fit)",
    },
)
DEMO = Command(
    "demo", "show it: a node, a day's trains, sellers, and every check", "domain_12306.demo.command"
)
