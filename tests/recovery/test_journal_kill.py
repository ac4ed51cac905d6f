"""A real process on a real file system is killed while it appends, again and again."""

import random
import subprocess
import sys
from pathlib import Path

from engine.journal import recover, verify
from tests.recovery.journal import batches, contents

KILLS = 6


def test_a_killed_writer_leaves_everything_that_it_had_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(12306)
    acknowledged = 0
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.recovery.journal_child", str(tmp_path), str(acknowledged)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(chance.randrange(1, 300)):
                acknowledged = int(child.stdout.readline())
            child.kill()
            rest = child.stdout.read().splitlines(keepends=True)
        acknowledged = max([acknowledged, *(int(line) for line in rest if line.endswith("\n"))])
        report = verify(tmp_path, acknowledged)
        assert report.row in ("a", "b")
        assert report.last_sequence >= acknowledged
    recovered = recover(tmp_path, acknowledged)
    found = contents(None, recovered.last_sequence, tmp_path)
    assert found == batches(len(found), size=700)
    assert len(list(tmp_path.glob("*.journal"))) > 3, "segments were rotated meanwhile"
