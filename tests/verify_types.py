"""How completely the public names are typed, as pyright sees them from outside (`make verifytypes`).

    python -m tests.verify_types

Counts the names of `engine` and `engine.testing` with their methods and attributes; what a type checker would
have to guess is listed. Exit code 0 at LEAST of them, 1 below, 0 with a warning where pyright cannot run.
"""

import json
import subprocess
import sys
from typing import Any

import engine
import engine.testing

LEAST = 0.99


def public_symbols(symbols: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a report that are public names of ours, or members of one."""
    homes = {
        f"{home}.{name}"
        for package in (engine, engine.testing)
        for home, names in vars(package)["_HOMES"].items()
        for name in names
    }
    return [symbol for symbol in symbols if any(part in homes for part in _prefixes(symbol["name"]))]


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]


def report() -> list[dict[str, Any]] | None:
    """The symbols in pyright's report; None where it cannot run."""
    command = [sys.executable, "-m", "pyright", "--verifytypes", "engine", "--ignoreexternal", "--outputjson"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        symbols: list[dict[str, Any]] = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return None
    return symbols


def main() -> int:
    """Prints what is not typed, and the share of what is."""
    symbols = report()
    if symbols is None:
        print("SKIPPED: pyright cannot run here (pip install pyright)", file=sys.stderr)
        return 0
    ours = public_symbols(symbols)
    guessed = [symbol for symbol in ours if not symbol["isTypeKnown"]]
    for symbol in guessed:
        print(symbol["name"], *(line["message"].splitlines()[0] for line in symbol["diagnostics"]), sep="  ")
    share = 1 - len(guessed) / len(ours)
    print(f"{len(ours) - len(guessed)} of {len(ours)} public names and members are typed: {share:.1%}")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
