"""The cursor of a subscriber: a small file, written whole.

{"format": 2,
 "next": [[position, index], …],     one pair for each partition: the first event that is not acknowledged
                                     yet, by its place in its entry
 "commands": [id, …]}                of the entry before it, by which another log is noticed; "" if unknown
"""

import errno
import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import ConfigError, CorruptData, Fault, Locked, NoSpace
from engine.base.files import DISK, Files
from engine.base.lock import try_lock

Mark = tuple[int, int]
"""(position, index): the first event of a partition that is not acknowledged"""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class _File(msgspec.Struct, frozen=True):
    format: Literal[2]
    next: list[Mark]
    commands: list[str]


def write_cursor(path: Path, next: list[Mark], commands: list[str], files: Files = DISK) -> None:
    """Replaces the file, durably. Raises OSError."""
    replace_note(path, msgspec.json.encode(_File(2, next, commands)) + b"\n", files)


def read_cursor(path: Path, files: Files = DISK) -> tuple[list[Mark], list[str]]:
    """(next, commands) of the last content. Raises OSError, or one of NOT_DECODABLE."""
    found = msgspec.json.decode(read_note(path, files), type=_File)
    return found.next, found.commands


class Cursor:
    """The file of one subscriber, held by one process at a time. `next`, `commands`: as saved last; empty if
    never."""

    def __init__(self, folder: Path, name: str, partitions: int) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigError("a subscriber's name is of letters, digits, - and _, at most 64", name=name)
        self._path = folder / f"{name}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = try_lock(folder / f"{name}.lock")
        except OSError as error:
            raise Fault("a subscriber's cursor cannot be kept", path=folder, error=error) from None
        if lock is None:
            raise Locked("another process has this subscription", name=name, path=self._path)
        self._lock = lock
        try:
            self.next, self.commands = self._read(partitions)
        except BaseException:
            self.close()
            raise

    def save(self, next: list[Mark], commands: list[str]) -> None:
        """Durable when it returns. NoSpace, Fault: what was saved before is still there."""
        try:
            write_cursor(self._path, next, commands)
        except OSError as error:
            kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else Fault
            raise kind("a subscriber's cursor cannot be kept", path=self._path, error=error) from None
        self.next, self.commands = list(next), list(commands)

    def close(self) -> None:
        """Lets another process have the subscription."""
        os.close(self._lock)

    def _read(self, partitions: int) -> tuple[list[Mark], list[str]]:
        try:
            saved, commands = read_cursor(self._path)
        except FileNotFoundError:
            return [], []
        except OSError as error:
            raise Fault("a subscriber's cursor cannot be read", path=self._path, error=error) from None
        except NOT_DECODABLE as error:
            raise self._damaged(error) from None
        if len(saved) != partitions or len(commands) != partitions or min(min(saved)) < 0:
            raise self._damaged("it does not fit this data directory")
        return saved, commands

    def _damaged(self, error: object) -> CorruptData:
        hint = "without the file it begins again"
        return CorruptData("a subscriber's cursor is damaged", path=self._path, error=error, hint=hint)
