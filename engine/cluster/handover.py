"""The handover of a worker: how far it has come and which node has it, kept where every node finds it.

    has it ──notes now and then──▶ has it ──its lanes have ended, all that they did is noted──▶ has let go

A worker runs on one node. The next one waits until the one before has let go of it, and goes on from the
cursor that it left, so what was done before an orderly stop is not done again. It does not wait for one that
is gone: what that one did and had not noted is done again, as after a crash.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.cluster.logs import NoAnswer
from engine.cluster.notes import NONE, Note, Notes
from engine.reading.cursor import Mark, read_cursor, write_cursor

LET_GO_S = 10.0  # a handler may take its time to end, but a process that was given up never lets go


class Handed(msgspec.Struct):
    """A note. `by`: the node that has the worker; empty if it has let go."""

    next: list[Mark]
    commands: list[str]
    by: str = ""


class Handover:
    """The handover of one worker to and from `node`. `path`: the file of its cursor here; `there`: tells
    whether a node is there; `now`: a clock in seconds that never goes back."""

    def __init__(
        self,
        notes: Notes,
        worker: str,
        path: Path,
        node: str,
        *,
        there: Callable[[str], bool],
        now: Callable[[], float],
    ) -> None:
        self._notes, self._key, self._path, self._node = notes, key_of(worker), path, node
        self._there, self._now = there, now
        self._wait_until = 0.0  # for the one that has it; 0.0: not waiting
        self._noted: Handed | None = None

    def take(self) -> bool:
        """Moves the cursor of this node on to where the worker was elsewhere, and has it from now on. False
        as long as another node has not let go of it, or the servers do not answer."""
        try:
            found, handed = self._read()
            if handed is not None and handed.by not in ("", self._node) and self._waits(handed.by):
                return False
            mine = self._mine()
            if handed is None or mine is None:
                best = handed or mine or Handed([], [])
            else:
                best = further(mine, handed)
            if best.next and (mine is None or mine.next != best.next):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_cursor(self._path, best.next, best.commands)
            return self._write(best, found, self._node)
        except NoAnswer:
            return False

    def give(self) -> None:
        """Notes how far the worker has come here, if that is new. What the servers do not answer now is tried
        again at the next look."""
        mine = self._mine()
        if mine is None or (self._noted is not None and mine.next == self._noted.next):
            return
        try:
            found, handed = self._read()
            if handed is None or handed.by == self._node:  # else the next one has had it since
                self._write(mine, found, self._node)
        except NoAnswer:
            return

    def let_go(self) -> bool:
        """Notes how far it has come, and that the next one may go on. False if the servers do not answer."""
        self._wait_until = 0.0
        try:
            found, handed = self._read()
            if handed is None or handed.by != self._node:
                return True
            return self._write(self._mine() or handed, found, "")
        except NoAnswer:
            return False

    def _waits(self, by: str) -> bool:
        """True as long as the one that has it is to be waited for."""
        if not self._there(by):
            return False
        self._wait_until = self._wait_until or self._now() + LET_GO_S
        return self._now() < self._wait_until

    def _read(self) -> tuple[Note, Handed | None]:
        found = self._notes.read(self._key)
        try:
            return found, None if found == NONE else msgspec.json.decode(found.body, type=Handed)
        except NOT_DECODABLE:
            return found, None

    def _write(self, handed: Handed, before: Note, by: str) -> bool:
        note = Handed(handed.next, handed.commands, by)
        if not self._notes.write(self._key, msgspec.json.encode(note), before):
            return False
        self._noted = note
        return True

    def _mine(self) -> Handed | None:
        try:
            return Handed(*read_cursor(self._path))
        except (OSError, *NOT_DECODABLE):
            return None


def key_of(worker: str) -> str:
    """Where the note of a worker is."""
    return f"cursor.{worker}"


def further(one: Handed, other: Handed) -> Handed:
    """Of each partition the cursor that is further on: what either has noted is done."""
    if not one.next or not other.next:
        return one if one.next else other
    pairs = zip(one.next, one.commands, other.next, other.commands, strict=True)
    best = [max((a, x), (b, y)) for a, x, b, y in pairs]
    return Handed([at for at, _ in best], [command for _, command in best])
