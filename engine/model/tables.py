"""The table: a dictionary that the engine keeps for a view or a process manager.

Keys are texts, values whatever JSON holds. A value is encoded when it is assigned and decoded when it is
read, so what is saved is what was assigned: changing a list that was read changes nothing until it is
assigned again. A step that fails is undone, whole.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode

MOST_KEY_BYTES = 500  # LMDB takes 511, and one that it refuses must fail its handler, not the next save


class Table(MutableMapping[str, Any]):
    """Text → JSON value."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._keys: list[str] | None = None  # in order; made when somebody asks for a prefix
        self._changed: dict[str, None] = {}
        self._undo: list[tuple[str, bytes | None]] = []

    def __getitem__(self, key: str) -> Any:
        return _decode(self._values[key])

    def __setitem__(self, key: str, value: Any) -> None:
        body = _encode(value)  # first: an error here must leave nothing behind
        if not 0 < len(key.encode()) <= MOST_KEY_BYTES:
            raise ValueError(f"a key has 1 to {MOST_KEY_BYTES} bytes, this one has {len(key.encode())}")
        before = self._values.get(key)
        if before == body:
            return
        self._undo.append((key, before))
        self._put(key, body)

    def __delitem__(self, key: str) -> None:
        self._undo.append((key, self._values[key]))
        self._put(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def prefix(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """(key, value) of every key that begins so, in key order."""
        keys = self._keys
        if keys is None:
            keys = self._keys = sorted(self._values)
        at = bisect_left(keys, prefix)
        while at < len(keys) and keys[at].startswith(prefix):
            yield keys[at], _decode(self._values[keys[at]])
            at += 1

    # ------------------------------------------------------------------ for the engine

    def mark(self) -> None:
        """A step begins here: `undo` comes back to it."""
        self._undo.clear()

    def undo(self) -> None:
        """Takes back everything since the last mark."""
        for key, before in reversed(self._undo):
            self._put(key, before)
        self._undo.clear()

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, encoded value) of what changed since the last call; None: the key is gone."""
        changed, self._changed = self._changed, {}
        for key in changed:
            yield key.encode(), self._values.get(key)

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes in everything saved, in place of what is there."""
        self._values = {bytes(key).decode(): bytes(value) for key, value in items}
        self._keys = None
        self._changed.clear()
        self._undo.clear()

    def _put(self, key: str, body: bytes | None) -> None:
        self._changed[key] = None
        if body is None:
            del self._values[key]
            self._keys = None
            return
        if self._keys is not None and key not in self._values:
            insort(self._keys, key)
        self._values[key] = body
