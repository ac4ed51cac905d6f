"""`python -m tests.chaos --seconds 600`: chaos for as long as asked; a seed gives the same schedule again."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.story import run
from tests.chaos.weather import small_disk

SAID_LAST = 60  # lines


def main() -> int:
    """Prints one report; 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="how long (90)")
    parser.add_argument("--kills", type=int, default=20, help="at least so many kills (20)")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None, help="replays a schedule (random)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="ringfold-chaos-") as folder,
        small_disk(Path(folder) / "disk") as disk,
    ):
        try:
            report = run(
                Path(folder) / "disk" / "data",
                disk=disk,
                kills=options.kills,
                seconds=options.seconds,
                seed=seed,
                partitions=options.partitions,
                tell=tell,
            )
        except BaseException:
            tell_why(Path(folder))
            raise
    print(f"\n{report}", *report.broken[:50], sep="\n")
    return 1 if report.broken else 0


def tell_why(folder: Path) -> None:
    """What the node said last, and how full its disk is."""
    log = folder / "node.log"
    lines = log.read_text().splitlines()[-SAID_LAST:] if log.exists() else []
    free = shutil.disk_usage(folder / "disk").free
    print(*lines, f"free on the disk of the data: {free >> 20} MB", sep="\n", file=sys.stderr)


def tell(text: str) -> None:
    """How far it is, on a terminal; a log would only grow by it."""
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
