"""What the acceptance tests share: the command line as an operator types it, and a small train to sell.

They look at a node from outside only: through the command line, the public clients and signals.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from domain_12306.messages import OpenRun, ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, open_synthetic_run, run_name, station
from engine import Client, Node

ROOT = Path(__file__).parents[2]
APP = "domain_12306.app:seats"
VIEW = "remaining"
SEATS, SEGMENTS = 50, 4
SMALL = {  # without the snapshotter, which a test that is about snapshots asks for
    "segment_bytes": "1MiB",
    "max_message_bytes": "256KiB",
    "checkpoint_ms": 50,
    "snapshot_events": 0,
}


def ringfold(
    *arguments: str, env: dict[str, str] | None = None, timeout_s: float = 30.0
) -> "subprocess.CompletedProcess[str]":
    """`python run.py …` to its end, in an environment without settings other than `env`."""
    return subprocess.run(
        [sys.executable, "run.py", *arguments],
        cwd=ROOT,
        env=clean_environment() | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of a node."""
    return {name: text for name, text in os.environ.items() if not name.startswith("RINGFOLD_")}


def one_line(text: str) -> str:
    """An error as an operator sees it: one line. AssertionError if there are more, or a traceback."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("ringfold: "), text
    return lines[0]


def railway(data: Path, **settings: object) -> Node:
    """A node that sells tickets, not started yet. Its log lies beside the data directory.

    On the built-in timetable whatever the environment says, as `ringfold` is: a data directory remembers.
    """
    built_in = {"timetable": "", "coaches": ""}
    return Node(data, app=APP, settings=SMALL | built_in | settings, log=data.with_suffix(".log"))


def open_run(number: int) -> OpenRun:
    """Puts a run of SEATS seats over SEGMENTS segments on sale."""
    return open_synthetic_run(run_name(number), SEATS, SEGMENTS)


def reserve(number: int, order: str, first: int = 0, last: int = SEGMENTS, party: int = 1) -> ReserveSeats:
    """An order on that run."""
    return ReserveSeats(
        run_name(number),
        order=order,
        seat_class=SEAT_CLASS,
        board=station(first),
        alight=station(last),
        passengers=[f"{order}-{k}" for k in range(party)],
    )


def left(client: Client, number: int, at_least: tuple[int, int] | None = None) -> int:
    """Seats that the view has left on a run from its first stop to its last."""
    train, _, date = run_name(number).partition("/")
    answer: Any = client.query(VIEW, "train", {"train": train, "date": date}, at_least=at_least)
    seats: int = answer["table"][SEAT_CLASS][0][-1]
    return seats


def gone(pid: int) -> bool:
    """True if a process has ended, whether or not its exit code was read."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
