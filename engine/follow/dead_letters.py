"""Dead letters: aggregates that are set aside because a handler failed on one of their commits.

    set aside ──retried, with back-off──▶ applied, and after it the commits that were held
        │                                     ▲
        └──MOST_ATTEMPTS failed──▶ dead ──an operator retries it, or drops it (the commit is skipped)

While an aggregate is set aside its later commits are held and not applied. They are not kept here, because
the event store has them.
"""

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import told
from engine.store.format import word

MOST_ATTEMPTS = 5
FIRST_BACK_OFF_S = 0.05  # doubled from one attempt to the next
LONGEST_TEXT = 500
NEVER = float("inf")
_HERE = str(Path(__file__).parents[1])  # the engine's own frames do not show where the fault is


class DeadLetter(msgspec.Struct):
    """A commit that could not be applied, the error, and how often it was tried."""

    aggregate: str
    partition: int
    position: int
    version: int
    command: str
    events: list[str]
    time_ns: int
    error: str
    where: str
    attempts: int = 1
    dead: bool = False


class DeadLetters:
    """The dead letters of one follower, by aggregate."""

    def __init__(self) -> None:
        self._letters: dict[str, DeadLetter] = {}
        self._due: dict[str, float] = {}
        self._changed: dict[bytes, None] = {}
        self.next_due = NEVER

    def __bool__(self) -> bool:
        return bool(self._letters)

    def __len__(self) -> int:
        return len(self._letters)

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(self._letters.values())

    def of(self, aggregate: str) -> DeadLetter | None:
        """The dead letter of an aggregate; None if it is not set aside."""
        return self._letters.get(aggregate)

    @property
    def dead(self) -> int:
        """The number of those that are not retried until an operator asks for it."""
        return sum(letter.dead for letter in self)

    @property
    def changed(self) -> bool:
        """True if there is something that `changes` has not returned yet."""
        return bool(self._changed)

    def set_aside(
        self, partition: int, position: int, commit: Any, error: BaseException, now: float
    ) -> DeadLetter:
        """Sets an aggregate aside after the first failed attempt."""
        before = self.of(commit.aggregate)
        if before is not None:
            self.remove(before)
        letter = self._letters[commit.aggregate] = DeadLetter(
            commit.aggregate,
            partition,
            position,
            *_told_of(commit),
            *describe_error(error),
        )
        self._touch(letter, now + FIRST_BACK_OFF_S)
        return letter

    def failed_again(self, letter: DeadLetter, error: BaseException, now: float) -> None:
        """Notes another failed attempt; after the last one the letter is dead."""
        letter.attempts += 1
        letter.error, letter.where = describe_error(error)
        letter.dead = letter.attempts >= MOST_ATTEMPTS
        self._touch(letter, NEVER if letter.dead else now + FIRST_BACK_OFF_S * 2 ** (letter.attempts - 1))

    def move(self, letter: DeadLetter, position: int, commit: Any, now: float) -> None:
        """Everything before this commit of the aggregate was applied; the rest is due at once."""
        self.remove(letter)
        place = DeadLetter(
            letter.aggregate, letter.partition, position, *_told_of(commit), letter.error, letter.where, 0
        )
        self._letters[letter.aggregate] = place
        self._touch(place, now)

    def remove(self, letter: DeadLetter) -> None:
        """The aggregate is no longer set aside."""
        del self._letters[letter.aggregate]
        del self._due[letter.aggregate]
        self._changed[_key(letter)] = None
        self.next_due = min(self._due.values(), default=NEVER)

    def due(self, now: float) -> list[DeadLetter]:
        """Those whose next attempt is due."""
        if now < self.next_due:
            return []
        return [self._letters[aggregate] for aggregate, at in self._due.items() if at <= now]

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Loads what was saved. Letters that are not dead are due at once."""
        for _, body in items:
            letter = _decode(body)
            self._letters[letter.aggregate] = letter
            self._touch(letter, NEVER if letter.dead else 0.0)
        self._changed.clear()

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, letter) of what has changed since the last call; None: it is gone."""
        changed, self._changed = self._changed, {}
        now = {_key(letter): letter for letter in self}
        for key in changed:
            letter = now.get(key)
            yield key, None if letter is None else _encode(letter)

    def _touch(self, letter: DeadLetter, due: float) -> None:
        self._due[letter.aggregate] = due
        self._changed[_key(letter)] = None
        self.next_due = min(self._due.values())


def describe_error(error: BaseException) -> tuple[str, str]:
    """(what, where) of a handler's error, for the person who has to fix it."""
    every = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in every if not frame.filename.startswith(_HERE)] or every
    where = f"{frames[-1].name}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return told(error)[:LONGEST_TEXT], where


def _told_of(commit: Any) -> tuple[int, str, list[str], int]:
    """What a letter says of its commit."""
    events = [str(event.__struct_config__.tag) for event in commit.events]
    return commit.version, commit.command, events, commit.time_ns


def _key(letter: DeadLetter) -> bytes:
    return letter.partition.to_bytes(2, "big") + word(letter.position)


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(DeadLetter).decode
