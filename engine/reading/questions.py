"""The questions that the reader of a node answers: those about what is stored, which need no view.

    positions                                   null; the positions stand in every answer
    events     {"after", "partition", "types",  a page of the event log: {"entries": […], "after": …,
                "aggregate", "limit"}           "more": bool}; `after` is where the next page begins
    aggregate  {"aggregate", "after_version",   the entries of one aggregate in the order of versions:
                "limit"}                        {"entries": […], "after_version": n, "more": bool}
    trace      {"command"}                      the chain around a command (`engine.reading.trace`), null if
                                                nothing is known of it; process managers know its timers
    describe                                    the application (`engine.model.describing`)

Entries have the form of `engine.reading.lines`. No socket, no thread: the reader process and the inline
engine ask the same object.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.identity import partition_of
from engine.follow.arguments import arguments_of
from engine.follow.questions import Nothing, Refused
from engine.model.app import Engine
from engine.model.describing import describe
from engine.model.messages import CommandId
from engine.reading.causes import Causes
from engine.reading.lines import line
from engine.reading.page import MOST_BYTES, MOST_SCANNED, read_page
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry
from engine.reading.trace import trace
from engine.store import Reader, Types
from engine.store.entries import Entry, aggregate_and_version, entries_of

MOST_ENTRIES = 10_000  # in a page
DEFAULT_ENTRIES = 1_000
MOST_TRACED = 16 << 20  # bytes of commits in one trace, and eight times as many of records that hold them
MOST_SEARCHES = 8  # through all outcomes that are kept, for one trace: each may take a quarter of a second

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ENTRIES)]
Position = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]  # a key of a store has 8 bytes


class EventsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which events. `after`: one position for each partition; with `partition` that one's alone."""

    after: Position | list[Position] = msgspec.field(default_factory=list)
    partition: Position | None = None
    types: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    aggregate: str | None = None
    limit: Limit = DEFAULT_ENTRIES


class AggregateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which aggregate, and after which of its versions."""

    aggregate: str
    after_version: Position = 0
    limit: Limit = DEFAULT_ENTRIES


class TraceRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The chain around which command."""

    command: CommandId


class ReaderQuestions:
    """All questions to the stores of one data directory. `app`: loads the application, when it is needed."""

    def __init__(self, stores: Stores, app: Callable[[], Engine]) -> None:
        self._stores, self._app = stores, app
        self._description = b""
        self._methods: dict[str, tuple[type, Callable[[Any], bytes]]] = {
            "positions": (Nothing, lambda _: b"null"),
            "events": (EventsRequest, self._events),
            "aggregate": (AggregateRequest, self._aggregate),
            "trace": (TraceRequest, self._trace),
            "describe": (Nothing, self._describe),
        }

    @property
    def positions(self) -> list[int]:
        """The last stored position of each partition."""
        return self._stores.positions()

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer, encoded. `texts`: arguments as they were typed, instead of `args`. Raises Refused."""
        known = self._methods.get(query)
        if known is None:
            raise Refused("unknown-query", f"the reader has: {', '.join(self._methods)}")
        request, method = known
        try:
            asked: Any = msgspec.json.decode(arguments_of(texts, request) if texts else args, type=request)
        except NOT_DECODABLE as error:
            raise Refused("malformed", str(error)) from None
        try:
            return method(asked)
        except Refused:
            raise
        except Exception as error:  # a damaged record is what the question was about, not the reader's end
            raise Refused("query-failed", f"{type(error).__name__}: {error}") from error

    def _events(self, request: EventsRequest) -> bytes:
        after = self._after(request)
        page = read_page(
            self._stores,
            after,
            partition=request.partition,
            types=None if request.types is None else Types(request.types),
            aggregate=request.aggregate,
            limit=request.limit,
        )
        one = request.partition is not None and isinstance(request.after, int)
        reached = page.after[request.partition or 0] if one else page.after
        return _page(page.entries, after=reached, more=page.more)

    def _after(self, request: EventsRequest) -> list[int]:
        after, partition, partitions = request.after, request.partition, self._stores.partitions
        if partition is not None and partition >= partitions:
            raise Refused("malformed", f"there is no partition {partition}")
        if isinstance(after, int):
            if partition is None:
                raise Refused("malformed", "`after` is one position for each partition, or give `partition`")
            return [after if number == partition else 0 for number in range(partitions)]
        if after and len(after) != partitions:
            raise Refused("malformed", f"`after` must have {partitions} positions, one for each partition")
        return after or [0] * partitions

    def _aggregate(self, request: AggregateRequest) -> bytes:
        partition = partition_of(request.aggregate, self._stores.partitions)
        reader = self._stores.reader(partition)
        entries: list[StoredEntry] = []
        version, room, scan, more = request.after_version, MOST_BYTES, MOST_SCANNED, False
        for entry, size in () if reader is None else _sized(reader, request.aggregate, version):
            if len(entries) == request.limit or room <= 0 or (entries and scan <= 0):
                more = True
                break
            entries.append((partition, *entry))
            room -= memoryview(entry[1]).nbytes
            scan -= size
        if entries:
            _, version = aggregate_and_version(entries[-1][2])
        return _page(entries, after_version=version, more=more)

    def _trace(self, request: TraceRequest) -> bytes:
        causes = Causes(self._stores, searches=MOST_SEARCHES, room=MOST_TRACED)
        tree = trace(causes, request.command)
        if tree is not None and causes.exhausted:
            tree.cut = True
        return msgspec.json.encode(tree)

    def _describe(self, _: Nothing) -> bytes:
        if not self._description:
            self._description = msgspec.json.encode(describe(self._app()))
        return self._description


def _sized(reader: Reader, aggregate: str, after_version: int) -> Iterator[tuple[Entry, int]]:
    """(entry of an aggregate, how many bytes were looked through for it)."""
    for _, record in reader.records_of(aggregate, after_version=after_version):
        size = len(record)
        for entry in entries_of(record, aggregate, after_version):
            yield entry, size
            size = 0


def _page(entries: list[StoredEntry], **rest: Any) -> bytes:
    lines = [msgspec.Raw(line(entry)) for entry in entries]
    return msgspec.json.encode({"entries": lines, **rest})
