"""A partition: all its aggregates in memory, fed with sections, giving batches.

Deterministic: the same sections give the same batches byte for byte, so live work and replay after a
crash are one code path. Nothing here reads a clock, draws a random number or does I/O; what the event
store holds is asked through an `Archive`.

    command → seen before? → decide (pure) → apply → commit     | rejected | unchanged | failed

Two things make it go back. An applier that fails, or an event that cannot be encoded, leaves a section half
done: what it touched is loaded from the store again, and its commands run one by one, so that only the
culprit is answered `failed`. And if somebody else has appended to the store, everything that was decided
in ignorance of it is undone (`go_back`), and the caller feeds the same sections again.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from engine.base.errors import CorruptData, InvariantBroken
from engine.core.archive import Archive, NoArchive, Superseded
from engine.core.flights import NEVER, Flight, Flights
from engine.core.memory import Memory
from engine.core.window import Window
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.model.outcomes import Decided, Rejection
from engine.model.stamp import Stamp
from engine.wire.answers import (
    Committed,
    CommittedBlock,
    Failed,
    Rejected,
    Unchanged,
    encode_answers,
)
from engine.wire.batches import Batch, encode_duplicates, encode_head, encode_reply
from engine.wire.commands import CommandDecoder, Malformed
from engine.wire.log import encode_record
from engine.wire.sections import groups_of, header_of, singles

Log = Callable[[str], None]

BUGS = (Exception, SystemExit)  # `sys.exit(3)` would stop the node and every start after it

Entry = tuple[str, int, str, int, int, list[Any], Any]
"""A `Commit` on its way to the encoder: a tuple gives the same bytes and is made in half the time."""


class Broken(Exception):
    """A section cannot be finished: a bug of the application came out when state had changed already."""


class Partition:
    """All state of one partition. `sequence` and `position` are the last ones taken in."""

    def __init__(
        self,
        app: Engine,
        number: int,
        *,
        window: int = 250_000,
        archive: Archive | None = None,
        log: Log = lambda text: None,
    ) -> None:
        self.number = number
        self.sequence = 0
        self.position = 0
        self.epoch = 0
        self._archive = archive or NoArchive()
        self.window = Window(window, self._archive.has_command)
        self.memory = Memory(app, self._archive)
        self.aggregates = self.memory.aggregates
        self._flights = Flights()
        self._at_hand = Flight(NEVER, 0, (), [], [])
        self._log = log
        self._decode = CommandDecoder(app).decode
        self._encode = msgspec.json.Encoder().encode
        self._handlers = {
            command: (cls, decide, exists, self.memory.appliers_of(cls))
            for command, (cls, decide, exists) in app.handlers.items()
        }

    def load(self, first_position: int, commits: Iterable[Any]) -> None:
        """Takes in stored commits in position order: replay is exactly `apply`."""
        if first_position != self.position + 1:
            raise CorruptData(
                "positions are not contiguous", expected=self.position + 1, found=first_position
            )
        take_in, time_ns = self.memory.take_in, 0
        for commit in commits:
            self.position += 1
            take_in(commit, self.position)
            time_ns = commit.time_ns
        self.memory.evict(time_ns, 1 << 63)

    def restore(
        self, position: int, aggregates: dict[str, Aggregate], time_ns: int, complete: bool = True
    ) -> None:
        """Begins with a snapshot, before anything is loaded. `time_ns`: when their idle time begins.
        `complete`: False if idle aggregates are left out."""
        self.position = position
        self.memory.restore(aggregates, time_ns)
        self.memory.gaps = not complete

    def settle(self, sequence: int, highest: str) -> None:
        """Loading is over. `sequence`: the last one whose outcome is stored. `highest`: of the ids of all
        stored commands; up to it, the store knows them."""
        self.sequence, self._flights.position = sequence, self.position
        self.window.settle(highest)

    def batches(self, section: bytes) -> Iterator[Batch]:
        """What is to be stored and answered for a section, one batch as a rule. Those of its commands that
        were taken in before (up to `sequence`) are left out."""
        first = header_of(section).first_sequence
        if first > self.sequence:
            try:
                yield self.process(section)
                return
            except Broken:
                self._log(f"commands from sequence {first} on run one by one now, because of a bug")
        for single in singles(section, self.sequence):
            try:
                batch = self.process(single)
            except Broken as broken:
                batch = self.refuse(single, "handler-bug", str(broken))
            yield batch

    def refuse(self, single: bytes, code: str, message: str) -> Batch:
        """The batch of a section of one command that is answered `failed` without being run."""
        sequence = header_of(single).first_sequence
        ((who, number, body),) = groups_of(single)
        (command,) = self._decode(body)
        answer = self._failed(command.id, code, message)
        self.window.remember(command.id, answer)
        self.sequence = sequence
        self._flights.add(Flight(sequence, self.position, (), [], [answer]))
        reply = encode_reply(who, number, answer)
        kept = encode_answers([answer])
        return Batch(
            sequence, sequence, self.position + 1, 0, b"", b"", b"", kept, reply, b"", self.epoch
        )

    def go_back(self, sequence: int, position: int, since: Callable[[int], Iterable[Any]]) -> None:
        """Undoes everything decided after `sequence` and takes in what somebody else has appended.

        `sequence`, `position`: the last ones stored. `since(p)`: the stored commits beyond position p. The
        batches that were handed on after `sequence` are of an old epoch now.
        """
        self.epoch += 1
        self._flights.settle(sequence)
        names: dict[str, None] = {}
        for flight in self._flights.take():
            names.update(dict.fromkeys(flight.touched))
            for id in flight.commands():
                self.window.forget(id)
        for commit in since(self._flights.position):
            names[commit.aggregate] = None
            self.window.young[commit.command] = None
            self.window.highest = max(self.window.highest, commit.command)
        self.sequence, self.position, self._flights.position = sequence, position, position
        self.memory.reload(names, position)

    def process(self, section: bytes) -> Batch:
        """Runs every command of a section and returns what is to be stored and answered. Raises Broken, with
        everything as it was before, if a bug came out too late to be contained in its command; Superseded if
        it cannot go on before `go_back`, which then undoes this section too."""
        try:
            try:
                return self._run(section)
            except Broken:
                for id in self._at_hand.commands():
                    self.window.forget(id)
                self.memory.reload(self._at_hand.touched, self.position)
                raise
        except Superseded:
            self._flights.add(self._at_hand)
            raise

    def _run(self, section: bytes) -> Batch:
        sequence, previous, time_ns, count, _ = header_of(section)
        if previous != self.sequence:
            raise InvariantBroken("a section is missing", expected=self.sequence, found=previous)
        first_sequence, first_position = sequence, self.position + 1
        time_ns -= sequence  # so that time of a command = time_ns + its sequence
        commits: list[Entry] = []
        hexes: list[str] = []
        touched: dict[str, Aggregate] = {}
        outcomes: list[bytes] = []
        self._at_hand = Flight(NEVER, 0, touched, hexes, outcomes)
        replies: list[bytes] = []
        duplicates: list[tuple[bytes, str]] = []
        aggregates, handlers, window = self.aggregates, self._handlers, self.window
        young, highest = window.young, window.highest
        for who, number, body in groups_of(section):
            commands = self._decode(body)
            answers: list[bytes] = []
            start = len(commits)
            for command in commands:
                id = command.id
                if id > highest:
                    highest = id
                else:
                    known, answer = window.find(id)
                    if known:
                        if answer is None:
                            duplicates.append((who, id))
                            number -= 1
                        else:
                            answers.append(answer)
                        sequence += 1
                        continue
                name = command.aggregate
                aggregate = aggregates.get(name)
                if aggregate is None and self.memory.gaps:
                    aggregate = self.memory.recall(name, self.position)
                handler = handlers.get(type(command))  # type: ignore[arg-type]
                answer = None
                events: Any = ()
                result = None
                if handler is None:
                    answer = self._failed(id, command.code, command.message)  # type: ignore[union-attr]
                else:
                    cls, decide, exists, appliers = handler
                    if aggregate is None:
                        if exists == "must":
                            answer = self._failed(id, "aggregate-unknown", f"there is no {name}")
                    elif exists == "must-not":
                        answer = self._rejected(id, "already-exists", f"{name} is there already")
                    elif type(aggregate) is not cls:
                        answer = self._failed(id, "wrong-aggregate", f"{name} is another kind of aggregate")
                    if answer is None:
                        try:
                            if aggregate is None:
                                aggregate = self.memory.new(cls, name)
                            expected = command.expected_version  # type: ignore[union-attr]
                            if expected is not None and expected != aggregate.version:
                                answer = self._rejected(
                                    id, "wrong-version", f"{name} is at version {aggregate.version}"
                                )
                            else:
                                decision = decide(aggregate, command, Stamp(time_ns + sequence, sequence))
                                applier = appliers.get(type(decision))
                                if applier is not None:
                                    events = [decision]
                                else:
                                    events, result, answer = self._unfold(id, decision, appliers)
                        except Rejection as no:
                            answer = self._raised(command, no)
                        except BUGS as error:  # a handler's bug must not stop its neighbours
                            answer = self._bug(command, error)
                if answer is None and events:
                    touched[name] = aggregate  # type: ignore[assignment]
                    try:
                        for event in events:
                            appliers[type(event)](aggregate, event)
                    except BUGS as error:  # half applied
                        raise self._broken("the applier", command, error) from error
                    version = aggregate.version = aggregate.version + 1  # type: ignore[union-attr]
                    commits.append((name, version, id, sequence, time_ns + sequence, events, result))
                    hexes.append(id)
                    hexes.append(aggregate.key)  # type: ignore[union-attr]
                    if version == 1:
                        if not self.memory.begins(events):
                            raise Broken("an application message alone cannot begin an aggregate")
                        aggregates[name] = aggregate  # type: ignore[assignment]
                    young[id] = None
                else:
                    if answer is None:
                        answer = Unchanged(id).encode()
                    young[id] = answer
                    outcomes.append(answer)
                    answers.append(answer)
                sequence += 1
            if len(commits) > start:
                answers += self._committed(commits, start)
            if answers:
                replies.append(encode_reply(who, number, b",".join(answers)))
        if sequence != first_sequence + count:
            raise InvariantBroken("a section holds more or fewer commands than it says", sequence=sequence)
        record = self._record(first_position, commits) if commits else b""
        self.sequence = sequence - 1
        self.position += len(commits)
        window.highest = highest
        window.turn()
        stored = self._archive.stored()
        self._flights.add(Flight(self.sequence, self.position, touched, hexes, outcomes))
        self._flights.settle(stored)
        if self.memory.idle:
            self.memory.changed(touched.values(), time_ns + sequence, self.sequence, stored)
        return Batch(
            first_sequence,
            self.sequence,
            first_position,
            len(commits),
            record,
            bytes.fromhex("".join(hexes)),
            b"".join([encode_head(bytes.fromhex(a.key), a.version) for a in touched.values()]),
            encode_answers(outcomes) if outcomes else b"",
            b"".join(replies),
            encode_duplicates(duplicates),
            self.epoch,
        )

    def _record(self, first_position: int, commits: list[Entry]) -> bytes:
        try:
            return encode_record((first_position, commits))
        except Exception as error:
            text = f"an event cannot be encoded: {error}"
            self._log(f"between commands {commits[0][2]} and {commits[-1][2]} {text}")
            raise Broken(text) from error

    def _bug(self, command: Any, error: BaseException) -> bytes:
        """The answer names the kind of error only: its text may hold addresses, and replay must repeat it."""
        kind = type(error).__name__
        trace = "".join(traceback.format_exception(error)).rstrip()
        self._log(f"the handler of {type(command).__name__} {command.id} failed\n{trace}")
        return self._failed(command.id, "handler-bug", f"the handler raised {kind}")

    def _raised(self, command: Any, no: Rejection) -> bytes:
        try:
            return self._rejected(command.id, no.code, no.message)
        except Exception as error:  # its code or message cannot be encoded
            return self._bug(command, error)

    def _broken(self, what: str, command: Any, error: BaseException) -> Broken:
        self._log(f"{what} for {type(command).__name__} {command.id} failed at {_place(error)}: {error!r}")
        return Broken(f"{what} raised {type(error).__name__}")

    def _committed(self, commits: list[Entry], start: int) -> list[bytes]:
        """Answers to commits[start:]: one block, and one by one those that carry a result."""
        position = self.position + 1 + start
        mine = commits[start:]
        _, versions, ids, _, _, _, results = zip(*mine, strict=True)
        if results.count(None) != len(results):
            return [
                Committed(ids[k], versions[k], self.number, position + k, result).encode()
                for k, result in enumerate(results)
            ]
        return [CommittedBlock(ids, versions, self.number, position).encode()]

    def _unfold(
        self, id: str, decision: Any, appliers: dict[type, Callable[[Any, Any], None]]
    ) -> tuple[list[Any], Any, bytes | None]:
        """(events, result, encoded answer if the decision is not a commit)."""
        result = None
        if isinstance(decision, Rejection):
            return [], None, self._rejected(id, decision.code, decision.message)
        if isinstance(decision, Decided):
            decision, result = decision.events, decision.result
            if result is not None:
                result = msgspec.Raw(self._encode(result))  # now, while it can still be refused
        if decision is None:
            return [], None, None
        events = list(decision) if isinstance(decision, (list, tuple)) else [decision]
        for event in events:
            if type(event) not in appliers:
                raise TypeError(f"the aggregate applies no {type(event).__name__}")
        return events, result, None

    def _rejected(self, id: str, code: str, message: str) -> bytes:
        return Rejected(id, code, message).encode()

    def _failed(self, id: str, code: str, message: str) -> bytes:
        return Failed(id, code, message).encode()


def _place(error: BaseException) -> str:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{at.filename}:{at.lineno}"


__all__ = ["Broken", "Malformed", "Partition"]
