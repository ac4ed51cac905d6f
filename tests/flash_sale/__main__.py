"""`python -m tests.flash_sale`: 10,000 buyers for 1,000 units while every process is killed three times."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.examples.hosts import Host, OneNode, TwoNodes
from tests.flash_sale.story import APP, SETTINGS, run


def main() -> int:
    """Prints one report; 0 if every rule was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.flash_sale", description=__doc__)
    parser.add_argument("--buyers", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=3, help="of each process (3)")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--cluster", action="store_true", help="on two nodes, which are killed as well")
    parser.add_argument("--seed", type=int, default=None, help="replays a schedule (random)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ringfold-sale-") as folder:
        data, partitions = Path(folder) / "data", options.partitions
        if options.cluster:
            host: Host = TwoNodes(APP, SETTINGS, partitions, servers=3)
        else:
            host = OneNode(data, APP, SETTINGS, partitions)
        report = run(
            host,
            buyers=options.buyers,
            units=options.units,
            kills_each=options.kills,
            seed=seed,
            tell=tell,
        )
        if report.broken and not options.cluster:
            sys.stderr.write(data.with_suffix(".log").read_text(errors="replace")[-20_000:])
    print(f"\n{report}", *report.broken[:50], sep="\n")
    return 1 if report.broken else 0


def tell(text: str) -> None:
    """How far it is, on a terminal; a log would only grow by it."""
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
