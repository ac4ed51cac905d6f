"""The fold: drives a target through the log of every partition, each commit taking effect once, in order.

    a record that follows the last position     is applied
    one that comes before it                    was applied already, and is skipped
    one that leaves a gap                       waits until what is missing has been read from the store

When a handler fails on a commit, the target is put back as it was before that commit, and the aggregate is
set aside and retried (`dead_letters`); other aggregates go on. A commit that cannot be read is set aside
alike. State, positions and dead letters are saved in one transaction. A handler that fails on one aggregate
after the other is not a matter of single events, so the fold then applies nothing more (`full`).

The fold has no clock and no thread of its own. The loop around it calls `accept` or `poll`, then `retry_due`,
and now and then `save`. After a turn that it bounds (`pace`) `poll` goes on with the rest of the record.
"""

import contextlib
import gc
import itertools
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from engine.base.called import called
from engine.base.errors import CorruptData, NoSpace
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow.dead_letters import NEVER, DeadLetter, DeadLetters
from engine.follow.pace import Pace
from engine.follow.standing import Place, commands_at, stands
from engine.follow.target import HandlerFailed, Target
from engine.model.app import Engine
from engine.store import Reader, View
from engine.store.entries import aggregate_and_version
from engine.store.views import overlaid
from engine.wire.log import Unreadable, record_decoder

MOST_HELD = 1_000  # early records of a partition; the store has them all
BEAT_ITEMS = 1_024
WAIT_S = 0.1  # of a target that may not go on yet
MOST_ASIDE = 1_000
MOST_ASIDE_LOADED = 20  # of a target that has to be loaded again after each failure


class Fold:
    """A target and its position in every partition. It owns the environment in `folder`, but not the readers
    (one a partition), because a process may open an environment only once."""

    def __init__(
        self,
        app: Engine,
        target: Target,
        folder: Path,
        readers: Sequence[Reader],
        map_bytes: int,
        *,
        log: Log,
        beat: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target, self.readers = target, readers
        self.view = View(folder, map_bytes, len(readers))
        self.dead_letters = DeadLetters()
        self.time_ns = 0  # of the last commit that was applied; 0: none was in this life
        self.positions = list(self.view.positions) if target.keeps else [0] * len(readers)
        self._places: list[Place] = list(zip(self.view.positions, self.view.commands, strict=True))
        self._decoder = record_decoder(app, target.events())
        self._log, self._beat, self._now = log, beat, now
        self.pace = Pace(now, beat)
        self._polled = 0  # the partition that is caught up first, as all others have been since
        self._ahead: list[list[tuple[int, bytes]]] = [[] for _ in readers]
        self._undoes = False  # until a failure has shown that it does
        self._traced: set[tuple[str, str]] = set()
        self._base = list(self.positions)  # of the last `save`, with or without room: a reload begins there
        self._unsaved: dict[bytes, bytes | None] = {}
        self._unsaved_dead_letters: dict[bytes, bytes | None] = {}
        try:
            if target.keeps:
                self.dead_letters.load(self.view.dead_letters())
            target.load(self._items())
        except BaseException:
            self.view.close()  # so that this process can open it again
            raise

    # ------------------------------------------------------------------ applying

    def accept(self, partition: int, first: int, last: int, record: bytes) -> None:
        """Applies a record of positions `first` to `last`, after what is missing before it. A beat, which has
        no record, only shows that something is missing."""
        if self.full:
            return
        if first > self.positions[partition] + 1:
            self.catch_up(partition)
            if first > self.positions[partition] + 1:
                ahead = self._ahead[partition]
                if record and len(ahead) < MOST_HELD:
                    heappush(ahead, (first, record))
                return
        if last > self.positions[partition]:
            self._apply(partition, record)
        if self._ahead[partition]:
            self._apply_held(partition)

    def catch_up(self, partition: int, most: int | None = None) -> None:
        """Applies everything new in the store, or the next `most` records of it."""
        records = self.readers[partition].records(self.positions[partition])
        for _, record in itertools.islice(records, most):
            self._beat()
            if self.full or self.target.full or self.pace.over:
                return
            self._apply(partition, record)
        if self._ahead[partition]:
            self._apply_held(partition)

    def poll(self) -> None:
        """Catches up wherever the store is ahead. After a turn that is over it begins with the next one."""
        for _ in self.readers:
            if self.pace.over:
                return
            partition, self._polled = self._polled, (self._polled + 1) % len(self.readers)
            if self.readers[partition].position() > self.positions[partition]:
                self.catch_up(partition)

    @property
    def full(self) -> bool:
        """True if so much is set aside that nothing more is applied until some of it has been."""
        return len(self.dead_letters) >= (MOST_ASIDE if self._undoes else MOST_ASIDE_LOADED)

    @property
    def has_gap(self) -> bool:
        """True if a record is held because one before it is missing."""
        return any(self._ahead)

    def _apply_held(self, partition: int) -> None:
        ahead = self._ahead[partition]
        while ahead and ahead[0][0] <= self.positions[partition] + 1 and not self.pace.over:
            self._apply(partition, heappop(ahead)[1])

    def _apply(self, partition: int, record: bytes) -> None:
        is_readable, first, commits = self._decoder.decode_what_can_be(record)
        done = self.positions[partition]
        if first > done + 1:
            raise CorruptData("the event store lacks positions", partition=partition, after=done)
        commits = commits[done + 1 - first :] if first <= done else commits
        if self.dead_letters or not is_readable:
            self._apply_around(partition, commits)
            return
        pace, at = self.pace, 0
        while at < len(commits) and not (pace.over or self.target.full):
            try:
                applied = self.target.apply(partition, done + at + 1, commits[at : at + pace.left])
            except HandlerFailed as failure:
                self._set_aside(partition, done + at + 1, commits[at:], failure)
                self._apply_around(partition, commits[at + failure.at + 1 :])
                return
            self._go_on(partition, commits[at : at + applied])
            at += applied
            pace.applied(applied)

    def _go_on(self, partition: int, done: Sequence[Any]) -> None:
        """Notes how far it is now that these commits, the next ones, are dealt with."""
        if done:
            at = self.positions[partition] + len(done)
            self.positions[partition], self._places[partition] = at, (at, done[-1].command)
            self.time_ns = done[-1].time_ns

    def _give(self, partition: int, position: int, commits: Sequence[Any]) -> int:
        """Has the target apply commits; returns how many. One that cannot be read fails as in a handler."""
        for at, commit in enumerate(commits):
            if isinstance(commit, Unreadable):
                if at:  # where it is not the first one, it is next time
                    return self.target.apply(partition, position, commits[:at])
                raise HandlerFailed(at, clean=True) from commit.error
        return self.target.apply(partition, position, commits)

    def _apply_around(self, partition: int, commits: Sequence[Any]) -> None:
        """Applies the commits of aggregates that are not set aside."""
        while commits and not (self.full or self.target.full or self.pace.over):
            position = self.positions[partition] + 1
            most = commits[: self.pace.left]
            many = next((k for k, c in enumerate(most) if self.dead_letters.of(c.aggregate)), len(most))
            if many == 0:
                self._go_on(partition, commits[:1])
                commits = commits[1:]
                continue
            try:
                applied = self._give(partition, position, commits[:many])
            except HandlerFailed as failure:
                self._set_aside(partition, position, commits, failure)
                commits = commits[failure.at + 1 :]
            else:
                self._go_on(partition, commits[:applied])
                commits = commits[applied:]
                self.pace.applied(applied)

    def _set_aside(
        self, partition: int, position: int, commits: Sequence[Any], failure: HandlerFailed
    ) -> None:
        """Skips the commit that failed. Those before it stay applied, even if the target has to be loaded
        again for that."""
        self.positions[partition] = position + failure.at - 1
        if not failure.clean:
            self._reload()
        self.positions[partition] += 1
        self.pace.applied(failure.at + 1)
        self._begin_dead_letter(partition, position + failure.at, commits[failure.at], failure)

    def _begin_dead_letter(self, partition: int, position: int, commit: Any, failure: HandlerFailed) -> None:
        error = failure.cause
        letter = self.dead_letters.set_aside(partition, position, commit, error, self._now())
        kind, trace = (type(error).__name__, letter.where), ""
        if not isinstance(commit, Unreadable):  # of which the error says all
            self._undoes = failure.clean
            if kind not in self._traced:
                self._traced.add(kind)
                trace = "".join(traceback.format_exception(error)).rstrip()
        self._log(
            Code.FOLLOW_SET_ASIDE,
            "an aggregate is set aside",
            trace=trace,
            aggregate=commit.aggregate,
            version=commit.version,
            partition=partition,
            position=position,
            error=letter.error,
            where=letter.where,
        )
        if self.full:
            text = f"{len(self.dead_letters)} aggregates are set aside: nothing more is applied"
            self._log(Code.FOLLOW_FULL, text)

    # ------------------------------------------------------------------ retrying

    def retry_due(self) -> bool:
        """Retries what is due, unless the target is full. True if there was anything."""
        due = [] if self.target.full else self.dead_letters.due(self._now())
        if due:
            self._save_if_room()
            for letter in itertools.takewhile(lambda _: not self.target.full, due):
                self._work_off(letter, skip=False)
                if self.pace.over:  # after the first one, or a view that is behind would retry nothing
                    break
            self._save_if_room(force=True)
        return bool(due)

    def retry(self, aggregate: str) -> DeadLetter | None:
        """Retries an aggregate that is set aside, now. Returns the dead letter that is left if it fails
        again. KeyError if it is not set aside."""
        return self._work_off_now(self._letter(aggregate), skip=False)

    def drop(self, aggregate: str) -> DeadLetter | None:
        """Skips the commit that fails and applies those held after it. Returns the dead letter that is left
        if another one fails. KeyError if the aggregate is not set aside."""
        letter = self._letter(aggregate)
        facts: Any = {"aggregate": aggregate, "version": letter.version, "error": letter.error}
        self._log(Code.FOLLOW_DROPPED, "a commit is dropped", **facts)
        return self._work_off_now(letter, skip=True)

    def held(self, letter: DeadLetter) -> Iterator[tuple[int, Any]]:
        """(position, commit) of the letter's commit and of those held after it, in order."""
        upto = self.positions[letter.partition]
        reader = self.readers[letter.partition]
        for position, entry in reader.entries_of(letter.aggregate, letter.version - 1):
            if position > upto:
                return
            yield position, self._decoder.commit_or_unreadable(entry, position)

    def waiting(self, letter: DeadLetter) -> int:
        """The number of commits that are held after a letter's."""
        reader, upto = self.readers[letter.partition], self.positions[letter.partition]
        entries = (entry for position, entry in reader.entries_of_back(letter.aggregate) if position <= upto)
        _, version = aggregate_and_version(next(entries))
        return version - letter.version

    def _letter(self, aggregate: str) -> DeadLetter:
        letter = self.dead_letters.of(aggregate)
        if letter is None:
            raise KeyError(aggregate)
        return letter

    def _work_off_now(self, letter: DeadLetter, skip: bool) -> DeadLetter | None:
        self._save_if_room()
        self.pace.begin()
        self._work_off(letter, skip)
        self._save_if_room(force=True)
        return self.dead_letters.of(letter.aggregate)

    def _work_off(self, letter: DeadLetter, skip: bool) -> None:
        """Applies the held commits of an aggregate until one fails, or the target is full. Everything must
        have been saved, because that is where the target is loaded from if it has to be."""
        partition = letter.partition
        commits = itertools.islice(self.held(letter), int(skip), None)  # there may be a million
        done, upto = 0, NEVER
        failed: HandlerFailed | None = None
        while done < upto and (held := next(commits, None)) is not None:
            if done and (self.target.full or self.pace.over):
                self.dead_letters.move(letter, *held, self._now())
                return
            position, commit = held
            self._beat()
            try:
                if not self._give(partition, position, [commit]):  # a shadow, which has to wait for another
                    self.dead_letters.move(letter, *held, self._now() + WAIT_S)
                    return
                done += 1
                self.pace.applied(1)
            except HandlerFailed as failure:
                failed, failing, upto = failure, held, done
                if not isinstance(commit, Unreadable):
                    self._undoes = failure.clean
                if not failure.clean:
                    self._reload()
                    commits, done = itertools.islice(self.held(letter), int(skip), None), 0  # once more
        if failed is None:
            self.dead_letters.remove(letter)
            text = f"an aggregate is no longer set aside, {done} commits were applied"
            self._log(Code.FOLLOW_RESUMED, text, aggregate=letter.aggregate)
        elif upto == 0 and not skip:
            self.dead_letters.failed_again(letter, failed.cause, self._now())
            if letter.dead:
                self._log(
                    Code.FOLLOW_DEAD,
                    f"an aggregate failed {letter.attempts} times and stays set aside",
                    hint=f"see `{called()} dead-letter list`",
                    aggregate=letter.aggregate,
                    version=letter.version,
                    error=letter.error,
                )
        else:
            self._begin_dead_letter(partition, *failing, failed)
        if not self._undoes:
            self._save_if_room(force=True)  # a reload begins after the late commits, so they must be saved

    # ------------------------------------------------------------------ saving and loading

    def save(self, force: bool = False) -> None:
        """Writes the checkpoint: changed items, positions and dead letters in one transaction, if there is
        anything new. `force`: even if only the target knows of it. NoSpace: the next call writes it all."""
        if force or self._unsaved or self.dead_letters.changed or self.positions != self.view.positions:
            items, letters = self._unsaved, self._unsaved_dead_letters
            items.update(self.target.save())
            letters.update(self.dead_letters.changes())
            self._base[:] = self.positions
            commands = commands_at(self.positions, self._places, self.readers)
            self.view.save(items.items(), self.positions, letters.items(), commands)
            self._places[:] = zip(self.positions, commands, strict=True)
            items.clear()
            letters.clear()

    def stands(self, settled: Callable[[], bool], wait: Callable[[], object]) -> bool:
        """True if the log is the one that it was saved on; see `standing.stands`."""
        places = self._places if self.target.keeps else []
        return not places or stands(places, self.readers, settled, wait)

    def close(self) -> None:
        """Closes the environment in the folder."""
        self.view.close()

    def _save_if_room(self, force: bool = False) -> None:
        with contextlib.suppress(NoSpace):  # the loop's next save writes it all
            self.save(force)

    def _items(self) -> Iterator[tuple[bytes, bytes]]:
        """What the target gave to the last save, in key order."""
        if not self.target.keeps:
            return
        for number, item in enumerate(overlaid(self.view.items(), self._unsaved)):
            if number % BEAT_ITEMS == 0:
                self._beat()
            yield item

    def _reload(self) -> None:
        """Loads what was saved last and replays, from the store, everything up to where the target was."""
        gc.unfreeze()  # a process that has frozen its memory at start would keep what is replaced here
        while True:
            self.target.load(self._items())
            if all(self._apply_again(partition) for partition in range(len(self.positions))):
                return

    def _apply_again(self, partition: int) -> bool:
        """False if a commit failed that had not failed before. It is set aside, and the target must be loaded
        once more."""
        upto = self.positions[partition]
        for _, record in self.readers[partition].records(self._base[partition]):
            _, first, commits = self._decoder.decode_what_can_be(record)
            for position, commit in enumerate(commits, first):
                self._beat()
                if position > upto:
                    return True
                letter = self.dead_letters.of(commit.aggregate)
                if position <= self._base[partition] or (letter and position >= letter.position):
                    continue
                try:
                    self._give(partition, position, [commit])
                except HandlerFailed as failure:
                    self._begin_dead_letter(partition, position, commit, failure)
                    return False
        return True
