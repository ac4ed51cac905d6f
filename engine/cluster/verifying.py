"""Verifying a cluster: the logs against themselves, each server's copy of them, and the stores against both.

The log of decisions is read whole, as the server that leads it has it. A copy that does not lead cannot be
read, but its server says how much of it is gone. The stores of nodes that run are known by their beats, those
of data directories by what is in them.
"""

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.base.errors import CorruptData
from engine.cluster.founding import ASK_S
from engine.cluster.jetstream import JetStreamDecisions, stream_of
from engine.cluster.link import Link
from engine.cluster.logs import Message
from engine.cluster.witness import asked, said_of_logs
from engine.store.place import Place, mark_of
from engine.wire.replicated import NO_DIGEST, decode_decision, digest_of

QUIET_S = 20.0  # without a message of a log that has more


class Problem(msgspec.Struct):
    """Something that is wrong. `sequences`: of messages of the log, as far as they are known."""

    partition: int
    server: str
    sequences: str
    text: str

    def __str__(self) -> str:
        where = f"partition {self.partition}" + (f", server {self.server}" if self.server else "")
        return f"{where}: {self.text}" + (f" ({self.sequences})" if self.sequences else "")


class Store(NamedTuple):
    """How far a store is: the last decision that it has, and a number for its digest."""

    name: str
    decision: int
    mark: int


class Ends(msgspec.Struct):
    """What a log of decisions has, as it was read."""

    partition: int
    first: int = 0
    last: int = 0
    read: int = 0
    message: int = 0
    position: int = 0


def verify_partition(
    link: Link, name: str, partition: int, stores: list[Store], beat: Callable[[int], object]
) -> tuple[Ends, list[Problem]]:
    """Reads a log of decisions to its end and holds the stores against it. Raises what the link
    raises (`FAILURES`)."""
    log = JetStreamDecisions(link, name, partition)
    info: Any = link.ask(link.streams.stream_info(stream_of(name, "E", partition)), ASK_S)
    leader, ends = log.leader(), Ends(partition, info.state.first_seq, info.state.last_seq)
    problems: list[Problem] = []

    def wrong(text: str, sequences: object = "", server: str = leader) -> None:
        problems.append(Problem(partition, server, str(sequences), text))

    marks = _read(link, log, ends, {store.decision for store in stores}, wrong)
    for store in stores:
        if store.decision > ends.last:
            wrong(f"the store of {store.name} is ahead of the log", f"{ends.last + 1}..{store.decision}")
        elif store.decision in marks and marks[store.decision] != store.mark:
            wrong(f"the store of {store.name} has followed another chain", store.decision, "")
    queue_info: Any = link.ask(link.streams.stream_info(stream_of(name, "C", partition)), ASK_S)
    if queue_info.state.last_seq < ends.message:
        text = "the log of commands ends before what is decided: new ones would be passed over"
        wrong(text, f"{queue_info.state.last_seq + 1}..{ends.message}")
    beat(ends.read)
    return ends, problems


def _read(
    link: Link,
    log: JetStreamDecisions,
    ends: Ends,
    wanted: set[int],
    wrong: Callable[..., None],
) -> Mapping[int, int]:
    """Reads the log; the marks of the digests that are wanted."""
    marks: dict[int, int] = {}
    if not ends.last or ends.last < ends.first:  # a new log begins with 0
        return marks
    arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()
    log.follow(ends.first - 1, arrived.put)
    digest, sequence, position, before = NO_DIGEST, 0, 0, ends.first - 1
    try:
        while before < ends.last:
            try:
                message = arrived.get(timeout=QUIET_S)
            except queue.Empty:
                wrong("decisions are missing", f"{before + 1}..{ends.last}")
                break
            whole = message.sequence == before + 1
            if not whole:
                wrong("decisions are missing", f"{before + 1}..{message.sequence - 1}")
            before = message.sequence
            try:
                decision = decode_decision(message.body)
            except CorruptData:
                wrong("a decision cannot be read", message.sequence)
                continue
            if whole and ends.read and decision.before != digest:
                wrong("the chain of decisions is broken", message.sequence)
            for batch in decision.batches:
                if whole and ends.read and batch.first_sequence != sequence + 1:
                    wrong("commands are missing between two decisions", message.sequence)
                if whole and ends.read and batch.first_position != position + 1:
                    wrong("positions are missing between two decisions", message.sequence)
                sequence, position = batch.last_sequence, batch.last_position
            digest = digest_of(message.body)
            ends.read, ends.message, ends.position = ends.read + 1, decision.message, position
            if message.sequence in wanted:
                marks[message.sequence] = mark_of(digest)
    finally:
        log.pause()
    return marks


def damaged_copies(name: str, monitors: list[str], silent: list[str]) -> Iterator[tuple[Problem, str, str]]:
    """(problem, stream, folder) of each copy of a log of decisions of which its server has lost a part.
    `silent` gets the monitoring addresses that did not answer, or whose servers keep nothing."""
    for monitor in monitors:
        try:
            found, said = said_of_logs(monitor, "&streams=1"), asked(monitor, "varz")
        except (OSError, ValueError):
            silent.append(monitor)
            continue
        for account in found.get("account_details") or []:
            for stream in account.get("stream_detail") or []:
                title = str(stream.get("name", ""))
                if not title.startswith(f"{name}-E-"):
                    continue
                state = stream.get("state", {})
                first, last = int(state.get("first_seq", 0)), int(state.get("last_seq", 0))
                messages = int(state.get("messages", 0))
                if messages and messages != last - first + 1:
                    gone = last - first + 1 - messages
                    text = f"{gone} decisions are gone from this copy"
                    number = int(title.rpartition("-")[2])
                    folder = f"{found['config']['store_dir']}/{account['name']}/streams/{title}"
                    problem = Problem(number, str(said.get("server_name", "")), f"{first}..{last}", text)
                    yield problem, title, folder


def store_of(name: str, place: Place) -> Store:
    """How far a store is."""
    return Store(name, place.decision, place.mark)


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Waits for something that the servers do. False if it did not come in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True
