"""The table: a dictionary that the engine keeps for a view or a process manager.

Keys are texts. Rows are of the type that the annotation names, `Table[NoteRow]`, a msgspec struct as a rule;
of a bare `Table`, whatever JSON holds. A row is encoded when it is assigned and decoded when it is read, so
what is saved is what was assigned: changing a row that was read changes nothing until it is assigned again.
A step that fails is undone, whole.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import msgspec

from engine.base.errors import ConfigError
from engine.model.readable import unreadable

Default = TypeVar("Default")

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    Row = TypeVarWithDefault("Row", default=Any)
else:
    Row = TypeVar("Row")

_encode = msgspec.json.Encoder(order="sorted").encode

OF_A_VIEW = "give the projection a new version"

MOST_KEY_BYTES = 500  # LMDB takes 511, and one that it refuses must fail its handler, not the next save


class Layout(NamedTuple):
    """What a table holds. `row`: the type of a row. `indexes`: fields of a row by which it can be asked."""

    row: Any = Any
    indexes: tuple[str, ...] = ()

    @classmethod
    def of(cls, owner: str, rows: Sequence[Any], indexes: Any) -> "Layout":
        """The layout that annotations and a class declare. ConfigError if they contradict each other."""
        row: Any = rows[0] if rows else Any
        for other in rows:
            if other != row:
                text = f"{owner} annotates its one table with two types of rows"
                raise ConfigError(text, one=row, other=other)
        if why := unreadable(row):
            raise ConfigError(f"{owner}: rows of type {row} cannot be read from JSON: {why}")
        if not isinstance(indexes, tuple) or not all(isinstance(name, str) for name in indexes):
            text = 'indexes are a tuple of field names, as in ("author",)'
            raise ConfigError(f"{owner}: {text}, not {indexes!r}")
        if not indexes:
            return cls(row)
        if not (isinstance(row, type) and issubclass(row, msgspec.Struct)):
            raise ConfigError(f"{owner} has indexes, so annotate its table with a struct: Table[Row]")
        for name in indexes:
            if name not in row.__struct_fields__:
                known = ", ".join(row.__struct_fields__)
                raise ConfigError(f"{owner} has an index on {name}, which {row.__name__} lacks", fields=known)
        return cls(row, indexes)


class Table(MutableMapping[str, Row]):
    """Text → row. A table is made by the engine; a test makes one for itself: `Table(NoteRow)`.

    `hint`: what to do about rows that were saved in a form that is not that of today."""

    def __init__(self, row: Any = Any, indexes: tuple[str, ...] = (), *, hint: str = OF_A_VIEW) -> None:
        self._hint = hint
        self._checks = row is not Any
        self._decode = msgspec.json.Decoder(row).decode
        self._values: dict[str, bytes] = {}
        self._keys: list[str] | None = None  # in order; made when they are first asked for
        self._indexes: dict[str, dict[Hashable, list[str]] | None] = dict.fromkeys(indexes)  # the same
        self._changed: dict[str, None] = {}
        self._undo: list[tuple[str, bytes | None]] = []

    def __getitem__(self, key: str) -> Row:
        return self._row(key, self._values[key])

    @overload
    def get(self, key: str, default: None = None) -> Row | None: ...
    @overload
    def get(self, key: str, default: Row | Default) -> Row | Default: ...
    def get(self, key: str, default: Any = None) -> Any:
        """The row of this key, or the default: as the base class has it, but without an exception inside."""
        body = self._values.get(key)
        return default if body is None else self._row(key, body)

    def __setitem__(self, key: str, row: Row) -> None:
        """TypeError or ValueError, and nothing is changed, if the row is not of the table's type, or the key
        is too long to be saved."""
        body = _encode(row)
        if type(key) is not str:
            raise TypeError(f"a key is a text, not {key!r}")
        if not 0 < len(key.encode()) <= MOST_KEY_BYTES:
            raise ValueError(f"a key has 1 to {MOST_KEY_BYTES} bytes, this one has {len(key.encode())}")
        before = self._values.get(key)
        if before == body:
            return
        if self._checks:
            self._check(body)
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

    def rows(
        self, prefix: str = "", *, after: str = "", limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[str, Row]]:
        """(key, row) of every key that begins with `prefix`, in key order, or against it (`reverse`).

        `limit`: at most so many. `after`: only those that come after this key in that order, so that the last
        key of one page begins the next. The keys are those of this moment; a row that has gone since is left
        out.
        """
        keys = self._keys
        if keys is None:
            keys = self._keys = sorted(self._values)
        first, last = 0, len(keys)
        if prefix:
            first = bisect_left(keys, prefix)
            last = bisect_right(keys, prefix, first, key=lambda key: key[: len(prefix)])
        return self._page(keys, first, last, after, limit, reverse)

    def by(
        self, field: str, value: Hashable, *, after: str = "", limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[str, Row]]:
        """(key, row) of every row that has this value in an indexed field; otherwise as `rows`. KeyError for
        a field that is not among the `indexes` of the class."""
        if field not in self._indexes:
            known = ", ".join(self._indexes) or "none"
            raise KeyError(f"{field} is not an index; the class of this table declares: {known}")
        keys = self._index(field).get(value, [])
        return self._page(keys, 0, len(keys), after, limit, reverse)

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
        """(key, encoded row) of what changed since the last call; None: the key is gone."""
        changed, self._changed = self._changed, {}
        for key in changed:
            yield key.encode(), self._values.get(key)

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Holds what was saved, in place of what is here."""
        self._values = {bytes(key).decode(): bytes(value) for key, value in items}
        self._keys = None
        self._indexes = dict.fromkeys(self._indexes)
        self._changed.clear()
        self._undo.clear()

    # ------------------------------------------------------------------ inside

    def _check(self, body: bytes) -> None:
        """What could not be read back must fail the handler that wrote it, not every query after it."""
        try:
            row = self._decode(body)
        except msgspec.ValidationError as error:
            raise TypeError(f"this is not a row of the table: {error}") from None
        for field in self._indexes:
            hash(getattr(row, field))  # TypeError, now and not when the index is made

    def _row(self, key: str, body: bytes) -> Row:
        try:
            row: Row = self._decode(body)
        except msgspec.ValidationError as error:
            text = f"the row {key} was saved in another form: {error}"
            raise TypeError(f"{text}; {self._hint}") from None
        return row

    def _page(
        self, keys: list[str], first: int, last: int, after: str, limit: int | None, reverse: bool
    ) -> Iterator[tuple[str, Row]]:
        if limit is not None and limit < 0:
            raise ValueError(f"a limit is 0 or more, not {limit}")
        if after and reverse:
            last = min(last, bisect_left(keys, after))
        elif after:
            first = max(first, bisect_right(keys, after))
        if limit is not None and reverse:
            first = max(first, last - limit)
        elif limit is not None:
            last = min(last, first + limit)
        page = keys[first:last]  # a copy, because the caller may change the table on the way
        if reverse:
            page.reverse()
        return self._read(page)

    def _read(self, page: list[str]) -> Iterator[tuple[str, Row]]:
        for key in page:
            body = self._values.get(key)
            if body is not None:
                yield key, self._row(key, body)

    def _index(self, field: str) -> dict[Hashable, list[str]]:
        """Value → keys in order. It costs a pass over the table when it is first asked for."""
        index = self._indexes[field]
        if index is None:
            index = {}
            for key in sorted(self._values):
                index.setdefault(getattr(self._row(key, self._values[key]), field), []).append(key)
            self._indexes[field] = index
        return index

    def _put(self, key: str, body: bytes | None) -> None:
        """Sets or removes a row in the table, its order of keys and its indexes: the one place that does."""
        before = self._values.get(key)
        self._changed[key] = None
        if self._indexes:
            self._reindex(key, before, body)
        if body is None:
            del self._values[key]
            if self._keys is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if self._keys is not None and before is None:
            insort(self._keys, key)
        self._values[key] = body

    def _reindex(self, key: str, before: bytes | None, body: bytes | None) -> None:
        made = [(field, index) for field, index in self._indexes.items() if index is not None]
        if not made:
            return
        old = None if before is None else self._row(key, before)
        new = None if body is None else self._row(key, body)
        for field, index in made:
            if old is not None:
                value = getattr(old, field)
                keys = index[value]
                del keys[bisect_left(keys, key)]
                if not keys:
                    del index[value]
            if new is not None:
                insort(index.setdefault(getattr(new, field), []), key)
