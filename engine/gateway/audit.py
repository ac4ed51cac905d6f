"""The audit log: what operators did, who, when, and how it ended. A line of JSON each, flushed to the disk.

    {"time":"…","who":"alice","from":"10.0.0.7","action":"dead-letter drop","what":"notes note-17",
     "outcome":"ok"}

`who` is the name of the token, or `loopback` where none was needed; what was done on the command line is the
user's of the system. Lines are only ever added.
"""

import getpass
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.base.errors import Fault, NoSpace
from engine.base.files import FULL


class Audit:
    """The log in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, who: str, action: str, what: str, outcome: str, *, source: str = "") -> None:
        """Adds a line. NoSpace or Fault if it cannot be kept: then the action is not done unseen."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "who": who, "from": source, "action": action, "what": what, "outcome": outcome}
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, json.dumps(line).encode() + b"\n")
                os.fdatasync(file)
            finally:
                os.close(file)
        except OSError as error:
            kind = NoSpace if error.errno in FULL else Fault
            raise kind("the audit log cannot be written", path=self._path, error=error) from None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line, oldest first. One that was cut off by the end of a machine is left out."""
        try:
            with self._path.open(encoding="utf-8") as file:
                for text in file:
                    try:
                        line = json.loads(text)
                    except ValueError:
                        continue
                    if isinstance(line, dict):
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise Fault("the audit log cannot be read", path=self._path, error=error) from None


def user_of_the_system() -> str:
    """Who works on the command line."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):
        return f"uid {os.getuid()} (command line)"
