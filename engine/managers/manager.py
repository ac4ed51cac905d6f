"""A process manager as a target: events and answers in, commands out, and nothing sent before it is durable.

    apply       events of the log; each is a step, done as a whole or not at all
    fire        moves timers that are due to the outbox
    answered    a command has arrived, or was refused; the handler of the refusal runs as a step of its own
    save        position, state, outbox and timers, in one transaction
    durable     what was saved may leave
    leaving     the commands to send now

The loop around it calls `durable` after the transaction has succeeded, never before, and sends only what
`leaving` gives. So a command leaves only from a step that can no longer be forgotten. Its id follows from
what was handled and a node runs each id once, so it has one effect across any crash.

    items   s<key of the table>     value of the state
            o…                      commands to send (`outbox`)
            t<command id (16)>      [due_ns, key, command]
            e…                      timers that have ended (`ended`)
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from engine.base.called import called
from engine.base.errors import BUGS, ConfigError, RingfoldError, told
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.base.spans import Spans, span_of, span_of_step
from engine.follow.handlers import Dispatch
from engine.follow.target import HandlerFailed
from engine.managers.birth import Birth
from engine.managers.ended import MOST_ENDED, EndedTimers
from engine.managers.identity import seed_of_event, seed_of_refusal, time_of
from engine.managers.outbox import Outbox, OutboxEntry
from engine.managers.setbacks import Setbacks
from engine.managers.step import Cancelled, Dispatched, Step
from engine.managers.timers import Timers
from engine.model.app import Engine
from engine.model.messages import Command, Event, wire_tag
from engine.model.process_managers import ProcessManagerSpec, Refusal, Send
from engine.model.tables import Table
from engine.wire.commands import CommandDecoder, Malformed, encode_command, wrong_with_name

MOST_WAITING = 20_000  # commands in the outbox; above that no event is applied
MOST_WAITING_BYTES = 64 << 20  # of all of them
MOST_STEP_BYTES = 24 << 20  # of the commands of one step, each with
COMMAND_BYTES = 500  # that it takes beside its own, roughly
FIRED_TOGETHER = 50  # before it is seen how much that is
MOST_FIRED = 1_000  # timers at a time, so that a whole night of them does not become one transaction
DEFAULT_MESSAGE_BYTES = 1 << 20
OTHER_FORM = (  # it has no versions, since nothing serves while another is built
    "give new fields defaults and keep the types of the others, or stop the node and remove data.mdb and"
    " lock.mdb in managers/{}: then it is made again from the log, and repeats nothing"
)

Items = Iterable[tuple[bytes, bytes]]


class Manager:
    """One process manager. `birth`: up to where the log is history to it. `message_bytes`: the size of the
    largest command that the node accepts. `most_ended`: the number of ended timers that are kept. `alone`:
    False if other nodes handle the same events."""

    keeps = True

    def __init__(
        self,
        app: Engine,
        spec: ProcessManagerSpec,
        birth: Birth,
        *,
        log: Log,
        message_bytes: int = DEFAULT_MESSAGE_BYTES,
        most_ended: int = MOST_ENDED,
        spans: Spans | None = None,
        alone: bool = True,
    ) -> None:
        self.spec = spec
        self.ended = EndedTimers(most_ended)
        timers = Timers(self.ended.add, recount=alone)
        self.outbox, self.timers, self.setbacks = Outbox(), timers, Setbacks()
        self.state: Table = Table(*spec.layout, hint=OTHER_FORM.format(spec.name))
        self._birth, self._log, self._message_bytes = birth, log, message_bytes
        self._handlers, self._decoder = app.handlers, CommandDecoder(app)
        self._reads = spec.events()
        self._spans = spans
        self.before: Callable[[int, Any], bool] | None = None
        """asked of each commit (its partition, itself) whether it may be applied now; on several nodes"""
        self.held = False
        """True since one might not, until it is asked again"""
        self._unsaved_bytes = 0  # of commands that were ordered since the last save
        self._step_bytes = 0  # of what the step under way has ordered
        self._step = Step(self._checked)
        self._offers: dict[type, Any] = {Send: self._step, Table: self.state}
        self._process = spec.factory()
        self._run = Dispatch(self._process, spec.handlers, self._offers).run

    # ------------------------------------------------------------------ driven through the log

    def events(self) -> set[type[Event]]:
        return self._reads

    def apply(self, partition: int, position: int, commits: Sequence[Any]) -> int:
        reads, name, is_history = self._reads, self.spec.name, self._birth.is_history
        for at, commit in enumerate(commits, position):
            if reads.isdisjoint(map(type, commit.events)):
                continue
            if self.before is not None and not self.before(partition, commit):
                self.held = True
                return at - position
            seed = seed_of_event(name, partition, at, commit.command)
            correlation = commit.correlation or commit.command
            muted = is_history(partition, at, commit.sequence)
            self._begin(commit.time_ns, seed, correlation, commit.command, muted)
            began_ns = 0 if self._spans is None else self._spans.now_ns()
            try:
                self._run(commit)
            except (RingfoldError, MemoryError):
                raise
            except BUGS as error:
                self._undo()
                raise HandlerFailed(at - position, clean=True) from error
            if self._spans is not None and not muted:
                self._tell(self._spans, commit, seed, began_ns)
            self._settle()
            if self.crowded:  # a record may have thousands of commits, and each may send as many commands
                return at + 1 - position
        return len(commits)

    def save(self) -> Iterator[tuple[bytes, bytes | None]]:
        parts = ((b"e", self.ended), (b"o", self.outbox), (b"s", self.state), (b"t", self.timers))
        for prefix, part in parts:
            for key, value in part.changes():
                yield prefix + key, value
        self._unsaved_bytes = 0

    def load(self, items: Items) -> None:
        loads: dict[bytes, Callable[[Items], None]] = {
            b"e": self.ended.load,
            b"o": lambda some: self.outbox.load(some, self._saved_command),
            b"s": self.state.load,
            b"t": lambda some: self.timers.load(some, self._saved_command),
        }
        for prefix, group in groupby(items, key=lambda item: bytes(item[0][:1])):
            loads.pop(prefix)((key[1:], value) for key, value in group)
        for load in loads.values():
            load(())
        self.setbacks.load(self.outbox.refusals())

    # ------------------------------------------------------------------ driven besides

    @property
    def full(self) -> bool:
        """True if no event should be applied before something has been answered."""
        return self.held or self.crowded

    @property
    def crowded(self) -> bool:
        """True if as much waits for answers as may."""
        waiting_bytes = self.outbox.saved_bytes + self._unsaved_bytes
        return len(self.outbox) > MOST_WAITING or waiting_bytes > MOST_WAITING_BYTES

    @property
    def changed(self) -> bool:
        """True if something besides events has changed since the last save."""
        return self.outbox.changed or self.timers.changed or self.ended.changed

    def fire(self, now_ns: int) -> int:
        """Moves timers that are due to the outbox; returns how many."""
        fired, begin = 0, self._unsaved_bytes
        while fired < MOST_FIRED and self._unsaved_bytes - begin < MOST_STEP_BYTES and not self.full:
            commands = self.timers.fire(now_ns, FIRED_TOGETHER)
            if not commands:
                break
            for command in commands:
                body = encode_command(command)
                self._unsaved_bytes += len(body)
                self.outbox.add(command, body)
            fired += len(commands)
        return fired

    def due(self, now_ns: int) -> list[Command]:
        """The commands of timers that are due, which stay set."""
        return self.timers.due(now_ns, MOST_FIRED)

    def fired_elsewhere(self, command: Command, refusal: Refusal | None, now: float) -> None:
        """Notes that another node has fired a timer, and how its command was answered."""
        self.timers.fired_elsewhere(command.id)
        self.outbox.add(command, encode_command(command))
        self.answered(command.id, refusal, now)

    def answered(self, id: str, refusal: Refusal | None, now: float) -> None:
        """Notes that a command of the outbox has had its effect or needed none, or that it was refused."""
        entry = self.outbox.find(id)
        if entry is None or entry.refusal is not None:
            return  # a late second answer
        if refusal is None:
            self.outbox.remove(entry)
            return
        if type(entry.command) not in self.spec.refusals:
            self.outbox.remove(entry)
            if refusal.outcome == "failed":  # a rejection may be what was expected
                self._log(
                    Code.MANAGER_COMMAND_FAILED,
                    f"{type(entry.command).__name__} failed, and no handler has it",
                    aggregate=entry.command.aggregate,
                    command=entry.command.id,
                    code=refusal.code,
                    message=refusal.message,
                )
            return
        self.outbox.refused(entry, refusal)
        self._handle_refusal(entry, now)

    def retry_due(self, now: float) -> bool:
        """Retries the refusals whose handler has failed. True if there was any."""
        due = self.setbacks.due(now)
        for entry in due:
            self._handle_refusal(entry, now)
        return bool(due)

    def retry(self, aggregate: str, now: float) -> bool:
        """Retries, now, the refusals of commands to an aggregate. False if there is none."""
        entries = self.setbacks.of(aggregate)
        for entry in entries:
            self._handle_refusal(entry, now)
        return bool(entries)

    def drop(self, aggregate: str) -> bool:
        """Drops the refusals of commands to an aggregate. False if there is none."""
        entries = self.setbacks.of(aggregate)
        for entry in entries:
            text = f"the refusal of {type(entry.command).__name__} is dropped"
            self._log(Code.MANAGER_REFUSAL_DROPPED, text, aggregate=aggregate)
            self.setbacks.over(entry)
            self.outbox.remove(entry)
        return bool(entries)

    def close(self) -> None:
        """Sends the spans that wait."""
        if self._spans is not None:
            self._spans.close()

    def durable(self) -> None:
        """Notes that everything given to the last save is durable."""
        self.outbox.durable()

    def leaving(self, most: int) -> list[OutboxEntry]:
        """The commands to send now. Each is returned once in the life of this object."""
        return self.outbox.leaving(most)

    # ------------------------------------------------------------------ a step

    def _begin(
        self, time_ns: int, seed: bytes, correlation: str, causation: str, muted: bool = False
    ) -> None:
        self.state.mark()
        self._step_bytes = 0
        self._step.begin(time_ns, seed, correlation=correlation, causation=causation, muted=muted)

    def _undo(self) -> None:
        self._step.end()
        self.state.undo()

    def _settle(self) -> None:
        for order in self._step.end():
            if isinstance(order, Dispatched):
                self.outbox.add(order.command, order.body)
            elif isinstance(order, Cancelled):
                self.timers.cancel(order.key, self._step.causation)
            else:
                self.timers.set(order.due_ns, order.key, order.command, order.from_ns)

    def _tell(self, spans: Spans, commit: Any, seed: bytes, began_ns: int) -> None:
        """Spans of a step that succeeded, and of each command that it sends."""
        ended_ns, step = spans.now_ns(), span_of_step(seed)
        trace, name = self._step.correlation, self.spec.name
        facts = {"ringfold.aggregate": commit.aggregate, "ringfold.command": commit.command}
        above = span_of(commit.command)
        times: Any = {"trace": trace, "began_ns": began_ns, "ended_ns": ended_ns}
        spans.record(f"{name} handle", span=step, parent=above, facts=facts, kind="CONSUMER", **times)
        for order in self._step.ordered:
            if isinstance(order, Dispatched):
                sent = order.command
                facts = {"ringfold.aggregate": sent.aggregate, "ringfold.command": sent.id}
                tag = f"{name} send {wire_tag(type(sent))}"
                spans.record(tag, span=span_of(sent.id), parent=step, facts=facts, kind="PRODUCER", **times)

    def _handle_refusal(self, entry: OutboxEntry, now: float) -> None:
        """Runs the handler of a refusal. A refusal has no position in the log, so a failure is kept with the
        outbox entry."""
        command, refusal = entry.command, entry.refusal
        assert refusal is not None
        handler = self.spec.refusals.get(type(command))
        if handler is None:  # the application has changed meanwhile
            self.outbox.remove(entry)
            self.setbacks.over(entry)
            return
        offers = {**self._offers, Refusal: refusal}
        wants = [offers[kind] for kind in handler.wants]
        seed = seed_of_refusal(self.spec.name, command.id)
        self._begin(time_of(command.id), seed, command.correlation or command.id, command.id)
        try:
            getattr(self._process, handler.attribute)(command, *wants)
        except (RingfoldError, MemoryError):
            raise
        except BUGS as error:
            self._undo()
            text = f"the refusal of {type(command).__name__}"
            facts: Any = {"aggregate": command.aggregate, "command": command.id, "code": refusal.code}
            attempts = self.setbacks.failed(entry, error, now)
            if attempts == 1:
                trace = "".join(traceback.format_exception(error)).rstrip()
                self._log(Code.MANAGER_REFUSAL_SET_ASIDE, f"{text} is set aside", trace=trace, **facts)
            elif self.setbacks.is_dead(entry):
                self._log(
                    Code.MANAGER_REFUSAL_DEAD,
                    f"{text} failed {attempts} times and stays set aside",
                    hint=f"see `{called()} dead-letter list`",
                    error=told(error),
                    **facts,
                )
        else:
            self._settle()
            self.outbox.remove(entry)
            self.setbacks.over(entry)

    # ------------------------------------------------------------------ commands

    def _checked(self, command: Command) -> tuple[Command, bytes]:
        """The command as it will arrive, and its bytes. A command that the node could only refuse is an error
        of the handler."""
        if type(command) not in self._handlers:
            raise TypeError(f"no aggregate handles {type(command).__name__}")
        body = encode_command(command)
        if len(body) > self._message_bytes:
            raise ValueError(f"{type(command).__name__} has {len(body)} bytes, {self._message_bytes} may be")
        if not self._decoder.takes_as_is(command):
            (command,) = self._decoder.decode(b"[" + body + b"]")
            if isinstance(command, Malformed):
                raise ValueError(f"{type(command).__name__}: {command.message}")
        if wrong := wrong_with_name(command.aggregate):
            raise ValueError(f"{type(command).__name__}: {wrong}")
        self._step_bytes += len(body) + COMMAND_BYTES
        if self._step_bytes > MOST_STEP_BYTES:  # as a loop would that never ends, until it took all memory
            raise ValueError(f"one step sends at most {MOST_STEP_BYTES >> 20} MiB, overheads included")
        self._unsaved_bytes += len(body)
        return command, body

    def _saved_command(self, body: bytes) -> Command:
        (command,) = self._decoder.decode(b"[" + body + b"]")
        if isinstance(command, Malformed):
            raise ConfigError(
                f"process manager {self.spec.name} has a command to send that the application does not know",
                error=command.message,
                hint="keep the command's class until it has left",
            )
        return command
