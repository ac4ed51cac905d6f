"""The audit log: what operators did, who, when, and how it ended. A line of JSON each, flushed to the disk.

    audit.jsonl        {"time":"…","who":"alice","from":"10.0.0.7","action":"dead-letter drop",
                        "what":"notes note-17","outcome":"ok"}
    audit-1.jsonl      what was written before it; audit-2.jsonl before that, and so on

`who` is the name of the token, or `loopback` where none was needed; what was done on the command line is the
user's of the system. Lines are only ever added. A file that has FILE_BYTES gets the next number and another
is begun; the oldest of more than FILES goes. The folder is flushed after each of these steps, so that a power
cut loses no file whose name another one has taken. So what an operator, or a script with an operator's token,
does again and again cannot fill the disk of the node, and what is to be kept for longer is to be copied.
"""

import contextlib
import fcntl
import getpass
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.base.errors import Fault, NoSpace
from engine.base.files import DISK, FULL, Files, write_all

FILE_BYTES = 4 << 20  # some 20,000 lines
FILES = 8  # with the newest


class Audit:
    """The log. `path`: of its newest file."""

    def __init__(self, path: Path, *, file_bytes: int = FILE_BYTES, disk: Files = DISK) -> None:
        self._path, self._file_bytes, self._disk = path, file_bytes, disk

    def note(self, who: str, action: str, what: str, outcome: str, *, source: str = "") -> None:
        """Adds a line. NoSpace or Fault if it cannot be kept: then the action is not done unseen."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "who": who, "from": source, "action": action, "what": what, "outcome": outcome}
        try:
            with self._alone():
                self._make_room()
                self._append(json.dumps(line).encode() + b"\n")
        except OSError as error:
            kind = NoSpace if error.errno in FULL else Fault
            raise kind("the audit log cannot be written", path=self._path, error=error) from None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line, oldest first. One that was cut off by the end of a machine is left out."""
        try:
            with contextlib.ExitStack() as opened:
                with self._alone():  # while none of them gets another number
                    files = [opened.enter_context(path.open("rb")) for path in self._files()]
                for file in files:
                    for text in file:
                        try:
                            line = json.loads(text)
                        except ValueError:
                            continue
                        if isinstance(line, dict):
                            yield line
        except OSError as error:
            raise Fault("the audit log cannot be read", path=self._path, error=error) from None

    def _files(self) -> list[Path]:
        """Those that there are, oldest first."""
        numbers = range(FILES - 1, -1, -1)
        return [path for path in map(self._numbered, numbers) if path.exists()]

    def _numbered(self, number: int) -> Path:
        return self._path.with_stem(f"{self._path.stem}-{number}") if number else self._path

    def _append(self, line: bytes) -> None:
        """Writes a line, on a line of its own even if the last one was cut off."""
        disk, begins = self._disk, not self._path.exists()
        file = disk.create(self._path) if begins else disk.open(self._path, write=True)
        try:
            size = disk.size(file)
            if size and disk.read(file, 1, size - 1) != b"\n":
                line = b"\n" + line
            write_all(disk, file, [line], size)
            disk.flush_all(file)
        finally:
            disk.close(file)
        if begins:
            disk.flush_folder(self._path.parent)

    def _make_room(self) -> None:
        """Begins another file if this one is full. After a power cut in the middle a number is missing, and
        nothing else."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size < self._file_bytes:
                return
            for number in range(FILES - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._disk.rename(self._numbered(number - 1), self._numbered(number))
                    self._disk.flush_folder(self._path.parent)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process adds a line meanwhile: the gateway and the command line do."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def user_of_the_system() -> str:
    """Who works on the command line."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):
        return f"uid {os.getuid()} (command line)"
