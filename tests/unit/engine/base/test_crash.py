"""Crash points kill when they should, and only then."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.crash import POINTS, VARIABLE, Aim, aims_in

PROGRAM = """
from engine.base.crash import crash_point
for number in range(1, 4):
    crash_point("core.taken")
    print(number, flush=True)
    crash_point("core.decided")
"""


def passes(aim: str | None) -> tuple[int, list[str]]:
    """(exit code, what it printed) of a program that comes by each point three times."""
    environment = {name: text for name, text in os.environ.items() if name != VARIABLE}
    if aim is not None:
        environment[VARIABLE] = aim
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=20
    )
    return done.returncode, done.stdout.split()


def test_without_the_variable_no_process_dies() -> None:
    assert passes(None) == (0, ["1", "2", "3"])


def test_it_dies_the_nth_time_it_comes_by_its_point() -> None:
    assert passes("core.decided:2") == (-signal.SIGKILL, ["1", "2"])


def test_with_a_file_it_dies_once_for_all_lives(tmp_path: Path) -> None:
    aim = f"core.taken:2:{tmp_path / 'died'},core.taken:2:{tmp_path / 'died-again'}"
    assert passes(aim) == (-signal.SIGKILL, ["1"])
    assert passes(aim) == (-signal.SIGKILL, ["1"])
    assert passes(aim) == (0, ["1", "2", "3"])


def test_the_variable_is_read_or_refused() -> None:
    assert aims_in("") == []
    assert aims_in("core.taken:1,prune.noted:17:/x:y") == [
        Aim("core.taken", 1, ""),
        Aim("prune.noted", 17, "/x:y"),
    ]
    for text in ("core.taken", "core.taken:", "core.taken:x", ":1", "core.taken:0", "core.taken:1,", "a:1"):
        with pytest.raises(ValueError, match=r"point:n|literal|no point"):
            aims_in(text)


def test_the_table_of_points_is_complete() -> None:
    engine = Path(__file__).parents[4] / "engine"
    found = [
        point
        for path in engine.rglob("*.py")
        for point in re.findall(r'crash_point\("([^"]+)"\)', path.read_text())
    ]
    assert sorted(found) == sorted(POINTS), "each stands at one place"
