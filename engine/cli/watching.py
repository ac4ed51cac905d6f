"""Watching the files of an application for changes: by watchfiles, where it is installed, otherwise by
looking at their times."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

SUFFIXES = (".py", ".toml")
PASSED_OVER = ("__pycache__", "node_modules", "site-packages", "venv", "build", "dist")
LOOK_S = 0.3
SETTLE_MS = 50  # an editor writes a file in several steps


class Watch(Protocol):
    """What tells of changes. `by`: how."""

    by: str

    def wait(self, seconds: float) -> list[Path]:
        """The files that changed since the last call, or as soon as one does; none when the time is up."""


def watch(folder: Path) -> Watch:
    """What watches a folder and those in it, but for hidden ones and those that hold no source."""
    try:
        return _Notified(folder)
    except ModuleNotFoundError:
        return Looking(folder)


def is_source(path: Path, folder: Path) -> bool:
    """True for a file that a program in the folder is made of."""
    inside = path.relative_to(folder).parts if path.is_relative_to(folder) else path.parts
    hidden = any(part.startswith(".") or part in PASSED_OVER for part in inside)
    return path.suffix in SUFFIXES and not hidden


class Looking:
    """Compares the times and sizes of files, again and again."""

    by = "looking at files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = dict(self._look())

    def wait(self, seconds: float) -> list[Path]:
        deadline = time.monotonic() + seconds
        while True:
            now = dict(self._look())
            changed = sorted(path for path, _ in self._seen.items() ^ now.items())
            if changed or time.monotonic() >= deadline:
                self._seen = now
                return sorted(set(changed))
            time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))

    def _look(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for top, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".") and name not in PASSED_OVER]
            for name in names:
                path = Path(top, name)
                if path.suffix in SUFFIXES:
                    try:
                        stat = path.stat()
                    except OSError:  # gone since
                        continue
                    yield path, (stat.st_mtime_ns, stat.st_size)


class _Notified:
    """Is told by the system."""

    by = "watchfiles"

    def __init__(self, folder: Path) -> None:
        from watchfiles import watch as watched  # an extra

        self._timeout_ms = 0
        self._changes = watched(
            folder,
            watch_filter=lambda _, path: is_source(Path(path), folder),
            debounce=200,
            step=SETTLE_MS,
            rust_timeout=200,
            yield_on_timeout=True,
        )
        next(self._changes)  # from now on nothing is missed

    def wait(self, seconds: float) -> list[Path]:
        deadline = time.monotonic() + seconds
        while True:
            changed = sorted(Path(path) for _, path in next(self._changes))
            if changed or time.monotonic() >= deadline:
                return changed
