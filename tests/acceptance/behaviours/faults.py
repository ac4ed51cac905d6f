"""Places that fail a number of times: methods of the product are patched, the product knows nothing of it.

A file named after the place holds the kind of error and how many are left. It is a file because the
processes of a node share it, and because a process that ends by the error does not remember.

    store               the commit of a partition's output
    publisher           its doorbell
    position-store      the save of a view and its positions
    message-publisher   the sending of a process manager
    manager-store       the save of a process manager: its positions, outbox and state
    subscriber          the place that a subscriber keeps
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import zmq

from engine.model.messages import Command
from engine.node.policy import Backoff
from engine.reading.cursor import Cursor
from engine.stages.post import Post
from engine.store import View, Writer

VARIABLE = "BEHAVIOURS_FAULTS"
KINDS = ("io", "unknown")

Applies = Callable[..., bool]


def arm(folder: Path, place: str, kind: str, times: int) -> None:
    """From now on the place fails so many times."""
    beside = folder / f"{place}.new"
    beside.write_text(f"{kind} {times}")
    beside.replace(folder / place)


def left(folder: Path, place: str) -> int:
    """How often it has yet to fail."""
    return int((folder / place).read_text().split()[1])


def error_of(kind: str, place: str) -> Exception:
    """What is raised: an I/O error is what the library in use makes of one."""
    if kind == "unknown":
        return ValueError("this was not foreseen")
    if place.endswith("store"):
        error: Exception = lmdb.Error(f"mdb_txn_commit: {os.strerror(errno.EIO)}")
        return error
    return OSError(errno.EIO, os.strerror(errno.EIO))


def failing(method: Callable[..., Any], folder: Path, place: str, applies: Applies) -> Callable[..., Any]:
    """The method, failing as long as the place is armed: at its beginning, the last time when its work is
    done already (but for a subscriber, which would then have no reason to try again)."""

    def instead(self: Any, *args: Any, **kwargs: Any) -> Any:
        if applies(self, *args) and (folder / place).exists():
            kind, times = (folder / place).read_text().split()
            if int(times) > 0:
                arm(folder, place, kind, int(times) - 1)
                if int(times) == 1 and place != "subscriber":
                    method(self, *args, **kwargs)
                raise error_of(kind, place)
        return method(self, *args, **kwargs)

    return instead


def always(*_: Any) -> bool:
    return True


def in_texts(view: View, *_: Any) -> bool:
    return view.path.name.startswith("texts")


def in_processes(view: View, *_: Any) -> bool:
    return view.path.parent.name == "managers"


def has_commands(_: Post, commands: list[Command]) -> bool:
    return bool(commands)


def is_doorbell(socket: Any, *_: Any) -> bool:
    return bool(socket.type == zmq.PUB)


EVERYWHERE: list[tuple[str, type, str, Applies]] = [
    ("store", Writer, "commit", always),
    ("position-store", View, "save", in_texts),
    ("manager-store", View, "save", in_processes),
    ("message-publisher", Post, "send", has_commands),
    ("subscriber", Cursor, "save", always),
]


def install(folder: Path) -> None:
    """In a process of a node. A process that fails time and again would wait longer and longer for its next
    start, which is another matter: here it has been well in between."""
    Backoff.WELL_S = 0.0
    for place, cls, name, applies in [*EVERYWHERE, ("publisher", zmq.Socket, "send", is_doorbell)]:
        setattr(cls, name, failing(getattr(cls, name), folder, place, applies))


@contextmanager
def installed(folder: Path, *more: tuple[str, type, str, Applies]) -> Iterator[None]:
    """In this process, for a while."""
    before = [(cls, name, cls.__dict__[name]) for _, cls, name, _ in (*EVERYWHERE, *more)]
    try:
        for place, cls, name, applies in (*EVERYWHERE, *more):
            setattr(cls, name, failing(getattr(cls, name), folder, place, applies))
        yield
    finally:
        for cls, name, method in reversed(before):
            setattr(cls, name, method)
