"""A partition: all its aggregates in memory. It is fed with sections and gives batches.

It is deterministic: the same sections give the same batches byte for byte, so live work and replay after a
crash are one code path. Nothing here reads a clock, draws a random number or does I/O; what the event
store holds is asked through an `Archive`.

    command → seen before? → decide (pure) → apply → commit     | rejected | unchanged | failed

Two things make it go back. An applier that fails, or an event that cannot be encoded, leaves a section half
done. Then what it touched is loaded from the store again, and its commands run one by one, so that only the
one at fault is answered `failed`. And if another process has appended to the store, everything that was
decided without knowing of it is undone (`go_back`), and the caller feeds the same sections again.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from engine.base.errors import BUGS, CorruptData, InvariantBroken, told
from engine.base.identity import NO_INDEX_KEY
from engine.base.log import Log, no_log
from engine.base.log_codes import Code
from engine.core.archive import Archive, NoArchive, Superseded
from engine.core.broken import Broken, TooMuch
from engine.core.deciding import Failure, deciders_of, refusal, unchanged, unfold
from engine.core.flights import Flights
from engine.core.memory import Memory
from engine.core.tally import Tally
from engine.core.window import COMMITTED, Window
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.model.messages import Command
from engine.model.outcomes import BadDecision, Rejection
from engine.model.stamp import Stamp
from engine.wire.batches import Batch
from engine.wire.commands import CommandDecoder
from engine.wire.sections import first_sequence, groups_of, header_of, last_sequence, parts_of, singles

USUAL_BYTES = 256 << 10  # of a batch: what a duplicate costs grows with the record that its commit is in


class Partition:
    """All state of one partition. `sequence` and `position` are the last ones applied. `index_key`: of the
    store that its batches are for. `most_bytes`: the most that a batch may take where it goes."""

    def __init__(
        self,
        app: Engine,
        number: int,
        *,
        window: int = 250_000,
        archive: Archive | None = None,
        index_key: bytes = NO_INDEX_KEY,
        most_bytes: int = 1 << 40,
        log: Log = no_log,
    ) -> None:
        self.number = number
        self.sequence = 0
        self.position = 0
        self.time_ns = 0
        """of the last command"""
        self.outruns = False
        """on a node of a cluster: commands get times after what other nodes decided, whatever their section
        says. A node that is alone has the times of its journal, also beside what another process has
        appended"""
        self.epoch = 0
        self.outcomes: Counter[str] = Counter()
        """how many commands ended how, replayed ones too; what is decided again counts again"""
        self.refused: Mapping[int, str] = {}
        """why commands cannot be stored, by their sequences; they are answered `failed` and not run"""
        self._archive = archive or NoArchive()
        self.window = Window(window, self._archive.has_command)
        self.memory = Memory(app, self._archive, index_key)
        self.aggregates = self.memory.aggregates
        self._flights = Flights()
        self.most_bytes = most_bytes
        self._command_bytes = 1  # what a command of the last batch came to
        self._log = log
        self._decode = CommandDecoder(app).decode
        self._deciders = deciders_of(app, self.memory)
        self._tally: Tally

    def load(self, first_position: int, commits: Iterable[Any]) -> None:
        """Loads stored commits in position order; replay is exactly `apply`."""
        if first_position != self.position + 1:
            raise CorruptData(
                "positions are not contiguous", expected=self.position + 1, found=first_position
            )
        apply, time_ns = self.memory.apply, 0
        for commit in commits:
            self.position += 1
            apply(commit, self.position)
            time_ns = commit.time_ns
        self.time_ns = max(self.time_ns, time_ns)
        self.memory.evict(time_ns, 1 << 63)

    def follow(
        self, sequence: int, commits: Iterable[Any], outcomes: Iterable[tuple[str, bytes]]
    ) -> None:
        """Applies what another node has decided, up to this sequence, while nothing of this one is in
        flight. `outcomes`: (command id, encoded answer) of what was no commit."""
        known = list(commits)
        self.load(self.position + 1, known)
        for commit in known:
            self.window.remember(commit.command, COMMITTED)
        for id, answer in outcomes:
            self.window.remember(id, answer)
        self.window.turn()
        self.sequence, self._flights.position = sequence, self.position

    def restore(
        self, position: int, aggregates: dict[str, Aggregate], time_ns: int, complete: bool = True
    ) -> None:
        """Begins with a snapshot, before anything is loaded. `time_ns`: when the idle time of its aggregates
        begins. `complete`: False if idle aggregates are left out."""
        self.position = position
        self.memory.restore(aggregates, time_ns)
        self.memory.gaps = not complete

    def settle(self, sequence: int, highest: str) -> None:
        """Ends loading. `sequence`: the last one whose outcome is stored. `highest`: the highest id of all
        stored commands; the store knows those up to it."""
        self.sequence, self._flights.position = sequence, self.position
        self.window.settle(highest)

    def batches(self, section: bytes) -> Iterator[Batch]:
        """What must be stored and answered for a section: one batch as a rule, several where it takes much
        room. Commands that were applied before (up to `sequence`) are left out."""
        most = max(1, USUAL_BYTES // self._command_bytes)
        for part in parts_of(section, most, self.sequence):
            yield from self._batches_of(part)

    def _batches_of(self, section: bytes) -> Iterator[Batch]:
        if not self._refuses(section):
            try:
                yield self.process(section)
                return
            except TooMuch:
                commands = header_of(section).commands
                if commands > 1:
                    for part in parts_of(section, commands // 2):
                        yield from self._batches_of(part)
                    return
            except Broken:
                text = "commands run one by one now, because of a bug"
                self._log(Code.CORE_ONE_BY_ONE, text, first_sequence=first_sequence(section))
        for single in singles(section):
            yield self._alone(single)

    def _alone(self, single: bytes) -> Batch:
        """The batch of one command, whatever comes of it."""
        if self._refuses(single):
            return self.refuse(single, "cannot-be-stored", self.refused[first_sequence(single)])
        try:
            return self.process(single)
        except TooMuch as error:
            return self.refuse(single, "cannot-be-stored", str(error))
        except Broken as broken:
            return self.refuse(single, "handler-bug", str(broken))

    def _refuses(self, section: bytes) -> bool:
        """True if a command of a section is among the refused ones."""
        if not self.refused:
            return False
        first, last = first_sequence(section), last_sequence(section)
        return any(first <= sequence <= last for sequence in self.refused)

    def refuse(self, single: bytes, code: str, message: str) -> Batch:
        """The batch of a section of one command that is answered `failed` without being run."""
        header = header_of(single)
        ((who, number, body),) = groups_of(single)
        (command,) = self._decode(body)
        answer = refusal(command, Failure(code, message))
        self.window.remember(command.id, answer)
        tally = Tally(self.number, header.first_sequence, self.position + 1)
        tally.reply(who, number, [tally.end(command, answer)])
        return self._finish(tally, header.first_sequence, header.time_ns, self.window.highest)

    def in_flight(self, settled: int) -> bool:
        """True if something that was decided after this sequence may not be stored."""
        self._flights.settle(settled)
        return bool(self._flights)

    def go_back(
        self,
        sequence: int,
        position: int,
        since: Callable[[int], Iterable[Any]],
        *,
        settled: int | None = None,
        outcomes: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        """Undoes everything decided after `sequence` and applies what another process has appended.

        `sequence`, `position`: the last ones stored. `since(p)`: the stored commits beyond position p. The
        batches that were handed on after `sequence` then belong to an old epoch.
        `settled`: the last sequence of which the store has what this process decided, where another node may
        have decided later ones; `outcomes`: (command id, encoded answer) of what those were, if no commits.
        """
        self.epoch += 1
        self._flights.settle(sequence if settled is None else settled)
        names: dict[str, None] = {}
        for tally in self._flights.take():
            names.update(dict.fromkeys(tally.touched))
            for id in tally.commands():
                self.window.forget(id)
        for commit in since(self._flights.position):
            names[commit.aggregate] = None
            self.window.remember(commit.command, COMMITTED)
            self.time_ns = max(self.time_ns, commit.time_ns)
        for id, answer in outcomes:
            self.window.remember(id, answer)
        self.sequence, self.position, self._flights.position = sequence, position, position
        self.memory.reload(names, position)

    def process(self, section: bytes) -> Batch:
        """Runs every command of a section and returns what must be stored and answered. Raises Broken, with
        everything as it was before, if a bug came out too late to be contained in its command; Superseded if
        it cannot go on before `go_back`, which then undoes this section too."""
        try:
            try:
                return self._run(section)
            except Broken:
                self._tally.undo(self.window, self.memory, self.position)
                raise
        except Superseded:
            self._flights.add(self._tally)
            raise

    def _run(self, section: bytes) -> Batch:
        """Decides the commands of a section in order. The usual case is written out; see `deciding`."""
        first, previous, time_ns, count, _ = header_of(section)
        if previous != self.sequence:
            raise InvariantBroken("a section is missing", expected=self.sequence, found=previous)
        tally = self._tally = Tally(self.number, first, self.position + 1)
        commits, keys, touched = tally.commits, tally.keys, tally.touched
        deciders, aggregates, memory, window = self._deciders, self.aggregates, self.memory, self.window
        young, highest, fits = window.young, window.highest, memory.fits
        if self.outruns:
            time_ns = max(time_ns, self.time_ns + 1)
        sequence, time_ns = first - 1, time_ns - first  # so that the time of each = time_ns + its sequence
        for who, number, body in groups_of(section):
            answers: list[bytes] = []
            for command in self._decode(body):
                sequence += 1
                id, name = command.id, command.aggregate
                if id > highest:
                    highest = id
                elif (known := window.find(id)) is not None:
                    number -= tally.repeat(who, id, known, answers)
                    continue
                aggregate: Any = aggregates.get(name)
                if aggregate is None and memory.gaps:
                    aggregate = memory.return_of(name, self._flights.position)
                usual, decide, stamped, appliers, aggregate_for = deciders[type(command)]
                result = answer = None
                now_ns = time_ns + sequence
                try:
                    if type(aggregate) is not usual or command.expected_version is not None:
                        aggregate = aggregate_for(command, aggregate)
                    if stamped:
                        decision = decide(aggregate, command, Stamp(now_ns, sequence))
                    else:
                        decision = decide(aggregate, command)
                    if type(decision) in appliers and fits[type(decision)](decision):
                        events = [decision]
                    else:
                        events, result, answer = unfold(command, decide, decision, appliers, fits)
                except BUGS as error:  # a handler's bug must not stop its neighbours
                    events, answer = [], self._refusal(command, error)
                if not events:
                    young[id] = answer = answer or unchanged(command)
                    answers.append(tally.end(command, answer))
                    continue
                touched[name] = aggregate
                try:
                    for event in events:
                        appliers[type(event)](aggregate, event)
                except BUGS as error:  # half applied
                    raise self._broken(command, error) from error
                version = aggregate.engine_version = aggregate.engine_version + 1
                if version == 1:
                    memory.begin(aggregate, events)
                commits.append((name, version, id, sequence, now_ns, events, result))
                keys.append(id)
                keys.append(aggregate.engine_key)
                young[id] = COMMITTED
                if command.causation or command.correlation:
                    tally.trace_commit(command)
            tally.reply(who, number, answers)
        if sequence != first + count - 1:
            raise InvariantBroken("a section holds more or fewer commands than it says", sequence=sequence)
        return self._finish(tally, sequence, time_ns + sequence, highest)

    def _finish(self, tally: Tally, sequence: int, time_ns: int, highest: str) -> Batch:
        """All commands up to `sequence` are decided; `highest` is the highest id so far."""
        try:
            batch = tally.batch(sequence, self.epoch, time_ns)
        except Exception as error:
            text = f"an event cannot be encoded: {tally.unencodable() or error}"
            first, last = tally.commits[0][2], tally.commits[-1][2]
            self._log(Code.CORE_UNENCODABLE, text, first_command=first, last_command=last)
            raise Broken(text) from error
        size = batch.size
        if size > self.most_bytes:
            most = self.most_bytes
            raise TooMuch(f"what it decides takes {size:,} bytes, and at most {most:,} can be stored")
        tally.count(self.outcomes)
        self._command_bytes = size // (sequence - tally.first_sequence + 1) + 1
        self.sequence, self.position, self.time_ns = sequence, tally.position, time_ns
        self.window.highest = highest
        self.window.turn(sum(map(len, tally.outcomes)) if tally.outcomes else 0)
        stored = self._archive.stored()
        self._flights.add(tally)
        self._flights.settle(stored)
        if self.memory.idle:
            self.memory.changed(tally.touched.values(), time_ns, sequence, stored)
        return batch

    def _refusal(self, command: Command, error: BaseException) -> bytes:
        """The answer to a command that raised while it was decided."""
        try:
            if isinstance(error, (Rejection, Failure)):
                return refusal(command, error)
        except Exception as unencodable:
            return self._bug(command, unencodable)
        return self._bug(command, error)

    def _bug(self, command: Command, error: BaseException) -> bytes:
        """The answer names only the kind of error, because its text may contain addresses, and replay must
        repeat it."""
        told = str(error) if isinstance(error, BadDecision) else f"the handler raised {type(error).__name__}"
        trace = "".join(traceback.format_exception(error)).rstrip()
        text = f"the handler of {type(command).__name__} failed"
        self._log(Code.CORE_HANDLER_BUG, text, command=command.id, aggregate=command.aggregate, trace=trace)
        return refusal(command, Failure("handler-bug", told))

    def _broken(self, command: Command, error: BaseException) -> Broken:
        text = f"the applier for {type(command).__name__} failed"
        self._log(Code.CORE_APPLIER_BUG, text, command=command.id, where=_place(error), error=told(error))
        return Broken(f"the applier raised {type(error).__name__}")


def _place(error: BaseException) -> str:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{at.filename}:{at.lineno}"
