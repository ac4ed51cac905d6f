"""A partition: all its aggregates in memory, fed with sections, giving batches.

Deterministic: the same sections give the same batches byte for byte, so live work and replay after a
crash are one code path. Nothing here reads a clock, draws a random number or does I/O; looking up an
old command id in the store is handed in.

    command → seen before? → decide (pure) → apply → commit     | rejected | unchanged | failed
"""

import traceback
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from engine.core.window import Window
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.model.outcomes import Decided, Rejection
from engine.model.stamp import Stamp
from engine.operate.errors import CorruptData, InvariantBroken
from engine.wire.batches import Batch, encode_reply
from engine.wire.commands import CommandDecoder, Malformed
from engine.wire.identity import aggregate_key
from engine.wire.sections import GROUP, SECTION

Log = Callable[[str], None]

Entry = tuple[str, int, str, int, int, list[Any], Any]
"""A `Commit` on its way to the encoder: a tuple gives the same bytes and is made in half the time."""


class Partition:
    """All state of one partition. `sequence` and `position` are the last ones taken in."""

    def __init__(
        self,
        app: Engine,
        number: int,
        *,
        window: int = 250_000,
        in_store: Callable[[str], bool] = lambda id: False,
        log: Log = lambda text: None,
    ) -> None:
        self.number = number
        self.sequence = 0
        self.position = 0
        self.aggregates: dict[str, Aggregate] = {}
        self.window = Window(window, in_store)
        self._log = log
        self._decode = CommandDecoder(app).decode
        self._encode = msgspec.json.Encoder().encode
        of_class: dict[type[Aggregate], dict[type, Callable[[Any, Any], None]]] = {}
        for event, (cls, applier) in app.appliers.items():
            of_class.setdefault(cls, {})[event] = applier
        self._loaders = app.appliers
        self._appliers = {event: applier for event, (_, applier) in app.appliers.items()}
        self._handlers = {
            command: (cls, decide, exists, of_class.get(cls, {}))
            for command, (cls, decide, exists) in app.handlers.items()
        }

    def load(self, first_position: int, commits: Iterable[Any]) -> None:
        """Takes in stored commits in position order: replay is exactly `apply`."""
        if first_position != self.position + 1:
            raise CorruptData(
                "positions are not contiguous", expected=self.position + 1, found=first_position
            )
        aggregates, appliers, young = self.aggregates, self._appliers, self.window.young
        highest, count = self.window.highest, 0
        for commit in commits:
            count += 1
            name, events, id = commit.aggregate, commit.events, commit.command
            aggregate = aggregates.get(name)
            if aggregate is None:
                aggregate = aggregates[name] = self._new(self._loaders[type(events[0])][0], name)
            version = aggregate.version + 1
            if commit.version != version:
                raise CorruptData(
                    "versions are not contiguous",
                    aggregate=name,
                    have=aggregate.version,
                    found=commit.version,
                )
            for event in events:
                appliers[type(event)](aggregate, event)
            aggregate.version = version
            young[id] = None
            if id > highest:
                highest = id
        self.position += count
        self.window.highest = highest
        self.window.turn()

    def process(self, section: bytes) -> Batch:
        """Runs every command of a section and returns what is to be stored and answered."""
        sequence, previous, time_ns, count, groups = SECTION.unpack_from(section)
        if previous != self.sequence:
            raise InvariantBroken("a section is missing", expected=self.sequence, found=previous)
        first_sequence, first_position = sequence, self.position + 1
        time_ns -= sequence  # so that time of a command = time_ns + its sequence
        commits: list[Entry] = []
        hexes: list[str] = []
        touched: dict[str, Aggregate] = {}
        outcomes: list[bytes] = []
        replies: list[bytes] = []
        duplicates: list[tuple[bytes, str]] = []
        aggregates, handlers, window = self.aggregates, self._handlers, self.window
        young, highest = window.young, window.highest
        at = SECTION.size
        for _ in range(groups):
            who_length, _, number, length = GROUP.unpack_from(section, at)
            at += GROUP.size
            who = section[at : at + who_length]
            at += who_length
            commands = self._decode(section[at : at + length])
            at += length
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
                                aggregate = self._new(cls, name)
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
                            answer = self._rejected(id, no.code, no.message)
                        except Exception as error:  # a handler's bug must not stop its neighbours
                            answer = self._bug(command, error)
                if answer is None and events:
                    try:
                        for event in events:
                            appliers[type(event)](aggregate, event)
                    except Exception as error:  # half applied: there is no way back
                        raise _broken("an applier failed", name, id, sequence, error) from error
                    version = aggregate.version = aggregate.version + 1  # type: ignore[union-attr]
                    commits.append((name, version, id, sequence, time_ns + sequence, events, result))
                    hexes.append(id)
                    hexes.append(aggregate.key)  # type: ignore[union-attr]
                    touched[name] = aggregate  # type: ignore[assignment]
                    if version == 1:
                        aggregates[name] = aggregate  # type: ignore[assignment]
                    young[id] = None
                else:
                    if answer is None:
                        answer = self._encode({"outcome": "unchanged", "id": id})
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
        self.sequence = sequence - 1
        self.position += len(commits)
        window.highest = highest
        window.turn()
        return Batch(
            first_sequence,
            self.sequence,
            first_position,
            len(commits),
            self._record(first_position, commits) if commits else b"",
            bytes.fromhex("".join(hexes)),
            b"".join([bytes.fromhex(a.key) + a.version.to_bytes(8, "big") for a in touched.values()]),
            b"[" + b",".join(outcomes) + b"]" if outcomes else b"",
            b"".join(replies),
            self._encode(duplicates) if duplicates else b"",
        )

    def _record(self, first_position: int, commits: list[Entry]) -> bytes:
        try:
            return self._encode((first_position, commits))
        except Exception as error:  # they are applied: there is no way back
            for entry in commits:
                try:
                    self._encode(entry)
                except Exception as why:
                    raise _broken("an event cannot be encoded", entry[0], entry[2], entry[3], why) from why
            raise _broken("events cannot be encoded", "", "", self.sequence, error) from error

    def _bug(self, command: Any, error: Exception) -> bytes:
        """The answer names the kind of error only: its text may hold addresses, and replay must repeat it."""
        kind = type(error).__name__
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{at.filename}:{at.lineno}"
        self._log(f"handler of {type(command).__name__} {command.id} failed at {where}: {error!r}")
        return self._failed(command.id, "handler-bug", f"the handler raised {kind}")

    def _new(self, cls: type[Aggregate], name: str) -> Aggregate:
        aggregate = cls(name)
        aggregate.key = aggregate_key(name).hex()
        return aggregate

    def _committed(self, commits: list[Entry], start: int) -> list[bytes]:
        """Answers to commits[start:]: one block, and one by one those that carry a result."""
        position = self.position + 1 + start
        mine = commits[start:]
        _, versions, ids, _, _, _, results = zip(*mine, strict=True)
        if results.count(None) != len(results):
            return [
                self._encode(
                    {
                        "outcome": "committed",
                        "id": ids[k],
                        "version": versions[k],
                        "partition": self.number,
                        "position": position + k,
                        "result": result,
                    }
                )
                for k, result in enumerate(results)
            ]
        return [
            self._encode(
                {
                    "outcome": "committed",
                    "ids": ids,
                    "versions": versions,
                    "partition": self.number,
                    "position": position,
                }
            )
        ]

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
        return self._encode({"outcome": "rejected", "id": id, "code": code, "message": message})

    def _failed(self, id: str, code: str, message: str) -> bytes:
        return self._encode({"outcome": "failed", "id": id, "code": code, "message": message})


def _broken(what: str, aggregate: str, command: str, sequence: int, error: Exception) -> InvariantBroken:
    return InvariantBroken(what, aggregate=aggregate, command=command, sequence=sequence, error=repr(error))


__all__ = ["Malformed", "Partition"]
