"""The allowance of a save: how much a view that keeps its own state may give at once.

What it gives is of what it holds, so it may be as large as that, in another encoding. A `save` that does not
end would otherwise take all memory before it is known to hang, and that of every other process with it.
"""

from collections.abc import Iterable, Iterator

from engine.base.errors import ConfigError
from engine.base.memory import own_bytes_now

Item = tuple[bytes, bytes | None]

ALWAYS_BYTES = 24 << 20  # whatever it holds
STATE_TIMES = 2  # the memory that the view has taken, since an encoding may be longer than what it encodes
ITEM_BYTES = 200  # of an item, beside its bytes


class Allowance:
    """That of one view, which has nothing in its memory yet."""

    def __init__(self) -> None:
        self._before = own_bytes_now()

    def within(self, items: Iterable[Item], view: str) -> Iterator[Item]:
        """The same items. ConfigError, which names the view, once they are more than may be."""
        now = own_bytes_now()
        if now is None or self._before is None:  # it cannot be told
            yield from items
            return
        most = ALWAYS_BYTES + STATE_TIMES * max(0, now - self._before)
        total = 0
        for number, (key, value) in enumerate(items, 1):
            total += ITEM_BYTES + len(key) + len(value or b"")
            if total > most:
                raise ConfigError(
                    f"the `save` of view {view} gives more than the view holds, as one does that never ends",
                    items=number,
                    bytes=total,
                    most_bytes=most,
                    hint="give what has changed since the last call, each key once",
                )
            yield key, value
