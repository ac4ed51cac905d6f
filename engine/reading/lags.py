"""How far a follower is behind, as the shared meters and the event stores have it: known whether the follower
answers or not, and at no cost to it."""

from collections.abc import Sequence

from engine.follow.questions import lag_of
from engine.node.meters import Line
from engine.reading.stores import Stores


def applied_by(line: Line, partitions: int) -> list[int]:
    """The position that a view or process manager has reached in each partition."""
    return [counter.value for _, counter in line.counters_of("positions")][:partitions]


def lag_behind(
    stores: Stores, stored: Sequence[int], applied: Sequence[int], now_ns: int
) -> tuple[int, float]:
    """(events, age of the oldest in seconds) that these positions are behind the stored ones. `now_ns`: by
    the clock that commands are stamped by."""
    behind = [p for p, position in enumerate(applied) if stored[p] > position]
    readers = {p: reader for p in behind if (reader := stores.reader(p)) is not None}
    lags = lag_of(list(readers.values()), [applied[p] for p in readers], now_ns).values()
    return sum(lag["events"] for lag in lags), max((lag["seconds"] for lag in lags), default=0.0)
