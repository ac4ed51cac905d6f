"""`python -m tests.cluster --kill nodes --seconds 120`: a cluster is struck for as long as asked."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.cluster.story import Plan, run

KINDS = ["nodes", "processes", "servers", "all", "both", "none"]
SAID_LAST = 25  # lines of each log


def main() -> int:
    """Prints one report; 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--kill", choices=KINDS, default="nodes")
    parser.add_argument("--split", action="store_true", help="every node owns everything")
    parser.add_argument("--stop", action="store_true", help="what is killed is also stopped for a while")
    parser.add_argument("--skew", action="store_true", help="one node runs another version")
    parser.add_argument("--damage", action="store_true", help="at the end a copy of a log rots, and leads")
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--kills", type=int, default=0, help="at least so many faults")
    parser.add_argument("--nodes", type=int, default=2, help="how many (2)")
    parser.add_argument("--seed", type=int, default=None, help="replays a schedule (random)")
    options = vars(parser.parse_args())
    if options["seed"] is None:
        options["seed"] = random.SystemRandom().randrange(1 << 32)
    plan = Plan(**options)
    print(plan, flush=True)
    with tempfile.TemporaryDirectory(prefix="ringfold-cluster-") as folder:
        try:
            report = run(Path(folder), plan, tell)
        except BaseException:
            tell_why(Path(folder))
            raise
        if report.broken:
            tell_why(Path(folder))
    print(f"\n{report}", *report.broken[:50], sep="\n")
    return 1 if report.broken else 0


def tell_why(folder: Path) -> None:
    """What the nodes said last."""
    for log in sorted(folder.glob("node*.log")):
        print(f"--- {log.name}", *log.read_text().splitlines()[-SAID_LAST:], sep="\n", file=sys.stderr)


def tell(text: str) -> None:
    """How far it is, on a terminal; a log would only grow by it."""
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
