"""Idle aggregates, which leave memory: those whose class says after how long, least recently changed
first."""

from collections.abc import Iterable, Mapping

from engine.model.aggregates import Aggregate

MOST_AT_ONCE = 1_000  # so that a partition does not stop for long after a quiet night

Use = tuple[int, int]
"""(time of the last change in ns, last sequence of the batch that made it)"""


class Idle:
    """For each class with a limit, its aggregates in memory in the order of their last change."""

    def __init__(self, limits: Mapping[type[Aggregate], float | None]) -> None:
        self._limits = {cls: int(idle_s * 1e9) for cls, idle_s in limits.items() if idle_s is not None}
        self._uses: dict[type[Aggregate], dict[str, Use]] = {cls: {} for cls in self._limits}

    def __bool__(self) -> bool:
        return bool(self._limits)

    def changed(self, aggregates: Iterable[Aggregate], time_ns: int, sequence: int) -> None:
        """Notes that these were changed, or came back, now."""
        use = (time_ns, sequence)
        for aggregate in aggregates:
            uses = self._uses.get(type(aggregate))
            if uses is not None:
                uses.pop(aggregate.engine_id, None)
                uses[aggregate.engine_id] = use  # at the end: dictionaries keep their order

    def expired(self, time_ns: int, stored: int) -> list[str]:
        """The names of those that are idle for too long and whose last change is stored; they are forgotten
        here."""
        names: list[str] = []
        for cls, uses in self._uses.items():
            before, of_class = time_ns - self._limits[cls], len(names)
            for name, (used, sequence) in uses.items():
                if used > before or sequence > stored or len(names) >= MOST_AT_ONCE:
                    break
                names.append(name)
            for name in names[of_class:]:
                del uses[name]
        return names
