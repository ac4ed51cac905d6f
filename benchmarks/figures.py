"""Figures: the facts stated beside each number, and the summaries of samples."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

PERCENTILES = (50, 90, 99, 99.9)


def facts(durability: str) -> dict[str, Any]:
    """Machine, versions, date, and the command that was given."""
    return {
        "durability": durability,
        "command": " ".join(["python -m", _module(), *_words()]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "versions": {name: version(name) for name in ("pyzmq", "lmdb", "msgspec", "numpy")},
    }


def percentiles(samples: Sequence[float], scale: float = 1.0) -> dict[str, float]:
    """p50, p90, p99, p99.9 and max, each times `scale`, to three digits."""
    ordered = sorted(samples)
    found = {
        f"p{p:g}": round(ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] * scale, 3)
        for p in PERCENTILES
    }
    return found | {"max": round(ordered[-1] * scale, 3)}


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {
        "min": round(min(samples), 3),
        "median": round(statistics.median(samples), 3),
        "max": round(max(samples), 3),
    }


def show(report: dict[str, Any], as_json: bool) -> None:
    """The figures for a person, then (always last) one line of JSON if asked for."""
    if not as_json:
        for name, value in report.items():
            print(f"{name:24} {value}")
    else:
        print(json.dumps(report))


def progress(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


def _module() -> str:
    return sys.modules["__main__"].__spec__.name if sys.modules["__main__"].__spec__ else sys.argv[0]


def _words() -> list[str]:
    """The arguments as another machine would give them: of a path, only the last part."""
    return [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
