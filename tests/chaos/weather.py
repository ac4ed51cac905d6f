"""What may happen to a node beside kills: its clock jumps, another program appends, its disk is full."""

import contextlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from domain_12306.workload.synthetic import run_name
from engine import append_foreign
from engine.base.errors import NoSpace
from engine.store import Conflict
from tests.chaos.app import Remarked
from tests.deadline import until

INJECTED = Path(__file__).parent / "injected"
JUMPS_S = (-600, 0, 0, 600, 3000)  # a client's ids may be an hour ahead of the node's clock, not more
DISK = "2g"  # more than a long run takes by itself
BALLAST = 1 << 20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mounts a small file system here. False, and a word on standard error, where that is not permitted."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        print("no file system can be mounted here: no disk will be full", file=sys.stderr)
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Weather:
    """It changes at random. `met` counts what came. `full`: the disk of the data may be filled."""

    def __init__(self, data: Path, runs: int, draw: random.Random, *, full: bool) -> None:
        self.met: Counter[str] = Counter()
        self._data, self._runs, self._draw, self._full = data, runs, draw, full
        self._clock = data.parent.parent / "clock"
        self._clock.write_text("0")

    @contextlib.contextmanager
    def over(self) -> Iterator[None]:
        """Processes that are started in here live by this clock."""
        before = {name: os.environ.get(name) for name in ("CHAOS_CLOCK", "PYTHONPATH")}
        os.environ["CHAOS_CLOCK"] = str(self._clock)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(INJECTED), before["PYTHONPATH"])))
        try:
            yield
        finally:
            for name, text in before.items():
                os.environ.pop(name, None)
                if text is not None:
                    os.environ[name] = text

    def change(self) -> None:
        """One turn of it, mostly none."""
        kind = self._draw.random()
        if kind < 0.15:
            self._jump(self._draw.choice(JUMPS_S))
        elif kind < 0.4:
            self._append()
        elif kind < 0.45 and self._full:
            self._fill()

    def clear_up(self) -> None:
        """The clock is right again."""
        self._jump(0)

    def _jump(self, seconds: int) -> None:
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(seconds * 1_000_000_000))
        fresh.replace(self._clock)
        self.met["clock jumps"] += 1

    def _append(self) -> None:
        with contextlib.suppress(Conflict, NoSpace):
            append_foreign(self._data, run_name(self._draw.randrange(self._runs)), [Remarked("from outside")])
            self.met["foreign appends"] += 1

    def _fill(self) -> None:
        ballast = self._data.parent / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(BALLAST)) == BALLAST:
                    pass
            seen = self._data.parent.stat().st_mtime_ns
            with contextlib.suppress(AssertionError):
                until(lambda: self._data.stat().st_mtime_ns > seen, self._draw.uniform(0.2, 1.0))
        finally:
            ballast.unlink()
        self.met["full disks"] += 1
