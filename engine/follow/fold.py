"""The fold: drives a target through the log of every partition, each commit taking effect once, in order.

    follows on the last position      taken in
    stands before it                  known already: passed over
    leaves a gap                      what is missing is read from the store; if it is not there yet, held

A commit on which a handler fails is put back, its aggregate set aside and retried (`letters`); others go
on. What was taken in, the positions and the letters are saved in one transaction. A handler that fails on
one aggregate after the other is no matter of single events: then nothing more is taken in (`full`).

The fold has no clock and no thread of its own. Whoever drives it calls `take` or `look`, then `retry_due`,
and now and then `save`.
"""

import contextlib
import gc
import itertools
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from engine.base.called import called
from engine.base.errors import CorruptData, NoSpace
from engine.follow.letters import Letter, Letters
from engine.follow.target import Stumbled, Target
from engine.model.app import Engine
from engine.store import Reader, View
from engine.store.entries import head_of
from engine.wire.log import record_decoder

MOST_HELD = 1_000  # records of a partition that came before what they follow on; the store has them all
BEAT_ITEMS = 1_024
MOST_ASIDE = 1_000
MOST_ASIDE_LOADED = 20  # of a target that has to be loaded anew for each failure


class Fold:
    """A target and how far it has come, in every partition. It owns the environment in `folder`, not the
    readers, one a partition: an environment is opened once in a process."""

    def __init__(
        self,
        app: Engine,
        target: Target,
        folder: Path,
        readers: Sequence[Reader],
        map_bytes: int,
        *,
        log: Callable[[str], None],
        beat: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.readers = readers
        self.view = View(folder, map_bytes, len(readers))
        self.letters = Letters()
        if target.keeps:
            self.letters.load(self.view.letters())
            self.positions = list(self.view.positions)
        else:
            self.positions = [0] * len(readers)
        self._decoder = record_decoder(app, target.events())
        self._log, self._beat, self._now = log, beat, now
        self._ahead: list[list[tuple[int, bytes]]] = [[] for _ in readers]
        self._undoes = False  # until it has shown that it does
        self._traced: set[tuple[str, str]] = set()
        # What the last `save` told, whether or not there was room for it: a reload begins there.
        self._base = list(self.positions)
        self._unsaved: dict[bytes, bytes | None] = {}
        self._unsaved_letters: dict[bytes, bytes | None] = {}
        target.load(self._items())

    # ------------------------------------------------------------------ taking in

    def take(self, partition: int, first: int, last: int, record: bytes) -> None:
        """Takes in a record of positions `first` to `last`, after whatever is missing before it."""
        if self.full:
            return
        if first > self.positions[partition] + 1:
            self.catch_up(partition)
            if first > self.positions[partition] + 1:
                ahead = self._ahead[partition]
                if len(ahead) < MOST_HELD:
                    heappush(ahead, (first, record))
                return
        if last > self.positions[partition]:
            self._apply(partition, record)
        if self._ahead[partition]:
            self._take_held(partition)

    def catch_up(self, partition: int, most: int | None = None) -> None:
        """Reads everything new from the store, or the next `most` records of it."""
        records = self.readers[partition].records(self.positions[partition])
        for _, record in itertools.islice(records, most):
            self._beat()
            if self.full:
                return
            self._apply(partition, record)
        if self._ahead[partition]:
            self._take_held(partition)

    def look(self) -> None:
        """Catches up wherever the store is ahead."""
        for partition, reader in enumerate(self.readers):
            if reader.position() > self.positions[partition]:
                self.catch_up(partition)

    @property
    def full(self) -> bool:
        """True if so much is set aside that nothing more is taken in, until some of it is."""
        return len(self.letters) >= (MOST_ASIDE if self._undoes else MOST_ASIDE_LOADED)

    @property
    def has_gap(self) -> bool:
        """True if something is held because what stands before it is missing."""
        return any(self._ahead)

    def _take_held(self, partition: int) -> None:
        ahead = self._ahead[partition]
        while ahead and ahead[0][0] <= self.positions[partition] + 1:
            self._apply(partition, heappop(ahead)[1])

    def _apply(self, partition: int, record: bytes) -> None:
        first, commits = self._decoder.decode(record)
        done = self.positions[partition]
        if first != done + 1:
            if first > done + 1:
                raise CorruptData("the event store lacks positions", partition=partition, after=done)
            commits = commits[done + 1 - first :]
        if self.letters:
            self._take_around(partition, commits)
            return
        try:
            self.target.take(partition, done + 1, commits)
        except Stumbled as stumbled:
            self._set_aside(partition, done + 1, commits, stumbled)
            self._take_around(partition, commits[stumbled.at + 1 :])
        else:
            self.positions[partition] = done + len(commits)

    def _take_around(self, partition: int, commits: Sequence[Any]) -> None:
        """Takes in what does not belong to an aggregate that is set aside."""
        while commits and not self.full:
            position = self.positions[partition] + 1
            many = next((k for k, c in enumerate(commits) if self.letters.of(c.aggregate)), len(commits))
            if many == 0:
                self.positions[partition] = position
                commits = commits[1:]
                continue
            try:
                self.target.take(partition, position, commits[:many])
            except Stumbled as stumbled:
                self._set_aside(partition, position, commits, stumbled)
                commits = commits[stumbled.at + 1 :]
            else:
                self.positions[partition] += many
                commits = commits[many:]

    def _set_aside(self, partition: int, position: int, commits: Sequence[Any], stumbled: Stumbled) -> None:
        """The commit that failed is passed over; those before it are in, also where the target is loaded
        anew for it."""
        self.positions[partition] = position + stumbled.at - 1
        if not stumbled.clean:
            self._reload()
        self.positions[partition] += 1
        self._begin_letter(partition, position + stumbled.at, commits[stumbled.at], stumbled)

    def _begin_letter(self, partition: int, position: int, commit: Any, stumbled: Stumbled) -> None:
        error = _cause(stumbled)
        self._undoes = stumbled.clean
        letter = self.letters.set_aside(partition, position, commit, error, self._now())
        text = f"{commit.aggregate} version {commit.version} (partition {partition}, position {position}) "
        kind = type(error).__name__, letter.where
        if kind in self._traced:
            text += f"is set aside: {letter.error} in {letter.where}"
        else:
            self._traced.add(kind)
            text += "is set aside:\n" + "".join(traceback.format_exception(error)).rstrip()
        self._log(text)
        if self.full:
            self._log(f"{len(self.letters)} aggregates are set aside: nothing more is taken in")

    # ------------------------------------------------------------------ trying again

    def retry_due(self) -> bool:
        """Tries again what is due. True if there was anything."""
        due = self.letters.due(self._now())
        if due:
            self._save_if_room()
            for letter in due:
                self._work_off(letter, skip=False)
            self._save_if_room(force=True)
        return bool(due)

    def patience(self) -> float:
        """Seconds until something is to be tried again."""
        return max(0.0, self.letters.next_due - self._now())

    def retry(self, aggregate: str) -> Letter | None:
        """Tries an aggregate that is set aside again, now. The letter that is left, if it failed.
        KeyError if it is not set aside."""
        self._save_if_room()
        self._work_off(self._letter(aggregate), skip=False)
        self._save_if_room(force=True)
        return self.letters.of(aggregate)

    def drop(self, aggregate: str) -> Letter | None:
        """Passes over the commit that fails and takes in what was held behind it. The letter that is left,
        if another one fails. KeyError if the aggregate is not set aside."""
        letter = self._letter(aggregate)
        self._log(f"{aggregate} version {letter.version} is dropped: {letter.error}")
        self._save_if_room()
        self._work_off(letter, skip=True)
        self._save_if_room(force=True)
        return self.letters.of(aggregate)

    def held(self, letter: Letter) -> Iterator[tuple[int, Any]]:
        """(position, commit) of the letter's commit and of those held behind it, in order."""
        upto = self.positions[letter.partition]
        reader = self.readers[letter.partition]
        for position, entry in reader.entries_of(letter.aggregate, letter.version - 1):
            if position > upto:
                return
            yield position, self._decoder.commit(entry, position)

    def waiting(self, letter: Letter) -> int:
        """How many commits are held behind a letter's."""
        reader, upto = self.readers[letter.partition], self.positions[letter.partition]
        heads = (head_of(entry) for at, entry in reader.entries_of_back(letter.aggregate) if at <= upto)
        _, version = next(heads)
        return version - letter.version

    def _letter(self, aggregate: str) -> Letter:
        letter = self.letters.of(aggregate)
        if letter is None:
            raise KeyError(aggregate)
        return letter

    def _work_off(self, letter: Letter, skip: bool) -> None:
        """Takes in what an aggregate has waiting, as far as it goes. To be called with everything saved: if
        the target has to be loaded anew, then from there."""
        partition = letter.partition
        commits = list(self.held(letter))[int(skip) :]
        done, upto = 0, len(commits)
        failed: Stumbled | None = None
        while done < upto:
            position, commit = commits[done]
            self._beat()
            try:
                self.target.take(partition, position, [commit])
                done += 1
            except Stumbled as stumbled:
                failed, upto = stumbled, done
                self._undoes = stumbled.clean
                if not stumbled.clean:
                    self._reload()
                    done = 0  # those before it once more
        if failed is None:
            self.letters.remove(letter)
            self._log(f"{letter.aggregate} is set aside no longer, {len(commits)} commits were taken in")
        elif upto == 0 and not skip:
            self.letters.failed_again(letter, _cause(failed), self._now())
            if letter.dead:
                times = f"failed {letter.attempts} times and stays set aside: {letter.error}"
                hint = f"see `{called()} dead-letter list`"
                self._log(f"{letter.aggregate} version {letter.version} {times}; {hint}")
        else:
            self._begin_letter(partition, *commits[upto], failed)
        if not self._undoes:
            self._save_if_room(force=True)  # what was taken in late stands behind its position: save it now

    # ------------------------------------------------------------------ saving and loading

    def save(self, force: bool = False) -> None:
        """The checkpoint: changed items, positions and letters in one transaction, if there is anything new.
        `force`: also where only the target knows of it. NoSpace: all of it is told again the next time."""
        if force or self._unsaved or self.letters.changed or self.positions != self.view.positions:
            self._unsaved.update(self.target.save())
            self._unsaved_letters.update(self.letters.changes())
            self._base[:] = self.positions
            self.view.save(self._unsaved.items(), self.positions, self._unsaved_letters.items())
            self._unsaved.clear()
            self._unsaved_letters.clear()

    def close(self) -> None:
        """Closes the environment in the folder."""
        self.view.close()

    def _save_if_room(self, force: bool = False) -> None:
        with contextlib.suppress(NoSpace):  # it is told again at the next save of whoever drives this
            self.save(force)

    def _items(self) -> Iterator[tuple[bytes, bytes]]:
        """What the last save told, in key order."""
        if not self.target.keeps:
            return
        items: Iterable[tuple[bytes, bytes]] = self.view.items()
        if self._unsaved:
            overlaid: dict[bytes, bytes | None] = dict(items)
            overlaid.update(self._unsaved)
            items = [(key, value) for key, value in sorted(overlaid.items()) if value is not None]
        for number, item in enumerate(items):
            if number % BEAT_ITEMS == 0:
                self._beat()
            yield item

    def _reload(self) -> None:
        """Loads what was saved last and takes in again, from the store, everything up to where it was."""
        gc.unfreeze()  # a process that has frozen its memory at start would keep what is replaced here
        while True:
            self.target.load(self._items())
            if all(self._take_again(partition) for partition in range(len(self.positions))):
                return

    def _take_again(self, partition: int) -> bool:
        """False if something failed that had not failed before: it is set aside, and the load was in vain."""
        upto = self.positions[partition]
        for _, record in self.readers[partition].records(self._base[partition]):
            first, commits = self._decoder.decode(record)
            self._beat()
            for position, commit in enumerate(commits, first):
                if position > upto:
                    return True
                letter = self.letters.of(commit.aggregate)
                if position <= self._base[partition] or (letter and position >= letter.position):
                    continue
                try:
                    self.target.take(partition, position, [commit])
                except Stumbled as stumbled:
                    self._begin_letter(partition, position, commit, stumbled)
                    return False
        return True


def _cause(stumbled: Stumbled) -> BaseException:
    return stumbled.__cause__ or stumbled
