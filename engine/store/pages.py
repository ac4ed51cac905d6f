"""LMDB's file, page by page, read without its map: damage is an error with a place, where LMDB would follow
a wrong number and end the process by a signal.

    page   number (8) | - (2) | flags (2) | lower (2) upper (2), or how many pages of one value (4) | …
           … offsets of nodes (2 each), up to `lower` | room | nodes, from `upper` on
    leaf   value bytes (4) | flags (2) | key bytes (2) | key | value, its first page (8), or a tree (48)
    branch child page (6) | key bytes (2) | key; that of the first child does not count

Little-endian; `head` has the rest. A file is sound if each page that is reached is in the file, has its own
number and is reached once; keys rise, within what the branches above them say; each tree has as many pages
and entries as it says; and no page in use is free too. What a value says is under its seal instead.
"""

import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

from engine.base.errors import CorruptData, Fault
from engine.store.head import HEADER_BYTES, BadHead, Tree, page_header, read_head, tree_at

BRANCH, LEAF, OVERFLOW = 1, 2, 4
BIG, TREE = 1, 2  # flags of a node: its value is on pages of its own; it is a tree
NODE_BYTES = 8
NOWHERE = (1 << 64) - 1  # the root of an empty tree
FOREVER = float("inf")
LOOK_PAGES = 256  # between two looks at the clock

_node = Struct("<HHHH").unpack_from
_word = Struct("<Q").unpack_from

Bound = bytes | None
"""A key that the keys of a page must not pass; None: no such key"""
Node = tuple[bytes, int]
"""The content of a page, and where in it a node begins"""


class Examined(NamedTuple):
    """How much of a file was looked at. `tables`: the entries of those that were reached; `whole`: all."""

    pages: int
    whole: bool
    tables: dict[str, int]


def expect_whole(folder: Path) -> None:
    """CorruptData if the file of the environment in this folder was cut, before its map is touched; nothing
    if there is none. It may end before its last page if what is missing is free, which all of it has to be
    looked at for."""
    with suppress(FileNotFoundError), _Walk(folder) as walk:
        if not walk.is_short:
            return
        try:
            walk.all(FOREVER, lambda: None)
        except CorruptData:
            if not walk.has_moved():  # otherwise a process writes to it, which has found it whole
                raise


def examine(folder: Path, most_s: float = FOREVER, beat: Callable[[], object] = lambda: None) -> Examined:
    """Looks at every page that is in use, for at most so long. CorruptData, with file and page, if one is
    damaged; Fault if the file cannot be read. The environment must not be written to meanwhile."""
    with _Walk(folder) as walk:
        return walk.all(time.monotonic() + most_s, beat)


class _OutOfTime(Exception):
    pass


class _Walk:
    """One walk over the file of an environment. OSError if it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data.mdb"
        self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._pages, self._tables = 0, dict[str, int]()

    def __enter__(self) -> "_Walk":
        try:
            self._file_bytes = os.fstat(self._file).st_size
            self._is_made = self._file_bytes > 0  # LMDB makes an empty file, then writes to it
            if self._is_made:
                self._head = read_head(self._bytes, self._file_bytes)
                self._size = self._head.page_bytes
                self._file_bytes = os.fstat(self._file).st_size  # a page is there before the head says so
                self._pages_there = self._file_bytes // self._size
            return self
        except BadHead as bad:
            os.close(self._file)
            raise self._damaged(bad.text, bad.page, **bad.facts) from None
        except BaseException:
            os.close(self._file)
            raise

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    @property
    def is_short(self) -> bool:
        """True if the file ends before its last page."""
        return self._is_made and self._head.last_page >= self._pages_there

    def has_moved(self) -> bool:
        """True if a transaction was committed since the walk began."""
        return read_head(self._bytes, self._file_bytes).transaction != self._head.transaction

    def all(self, until: float, beat: Callable[[], object]) -> Examined:
        """Walks over all trees, and over what is free at the end."""
        if not self._is_made:
            return Examined(0, True, {})
        self._until, self._beat = until, beat
        self._reached = bytearray(min(self._head.last_page + 1, self._pages_there))
        self._absent = set[int]()  # pages beyond the end of the file, which are free
        try:
            for key, page, node in self._entries(self._head.names, "names", TREE):
                tree, table = tree_at(self._value(node)), key.decode("ascii", "replace")
                if tree.flags:
                    raise self._damaged("a table is of another kind", page, table=table)
                for _ in self._entries(tree, table):
                    pass
                self._tables[table] = tree.entries
            for _, page, node in self._entries(self._head.free, "free", order=_number):
                self._expect_free(page, self._value(node))
        except _OutOfTime:
            return Examined(self._pages, False, self._tables)
        if self._head.last_page > 1 and not self._is_reached(self._head.last_page):
            raise self._damaged("the last page is neither in use nor free", self._head.last_page)
        return Examined(self._pages, True, self._tables)

    # ------------------------------------------------------------------ trees

    def _entries(
        self, tree: Tree, table: str, kind: int = 0, order: Callable[[bytes], Any] = bytes
    ) -> Iterator[tuple[bytes, int, Node]]:
        """(key, page, node) of each entry, which must be of this kind. Checks the tree on the way."""
        found = [0, 0, 0, 0]  # branches, leaves, overflows, entries
        waiting: list[tuple[int, int, Bound, Bound]] = []
        if tree.root != NOWHERE or tree.entries:
            waiting.append((tree.root, 1, None, None))
        while waiting:
            page, depth, low, high = waiting.pop()
            content, is_branch, offsets = self._page(page, table)
            if is_branch != (depth < tree.depth):
                raise self._damaged("a page is at a wrong depth", page, table=table)
            found[0 if is_branch else 1] += 1
            keys = [self._key(content, at) for at in offsets]
            if is_branch:
                keys[0] = b"" if low is None else low
                self._expect_order(page, table, keys[1:], low, high, order)
                ends = [*keys[1:], high]
                for at, key, end in reversed(list(zip(offsets, keys, ends, strict=True))):
                    waiting.append((_child(content, at), depth + 1, key or None, end))
                continue
            self._expect_order(page, table, keys, low, high, order)
            found[2] += sum(self._overflow(page, content, at, table, kind) for at in offsets)
            found[3] += len(keys)
            for key, at in zip(keys, offsets, strict=True):
                yield key, page, (content, at)
        if tuple(found) != (tree.branches, tree.leaves, tree.overflows, tree.entries):
            raise self._damaged("a tree has other pages or entries than it says", tree.root, table=table)

    def _page(self, page: int, table: str) -> tuple[bytes, bool, tuple[int, ...]]:
        """(content, whether it is a branch, where its nodes are) of a page of a tree."""
        self._reach(page, table)
        content = self._bytes(page * self._size, self._size)
        number, _, flags, lower, upper = page_header(content)
        if number == page and flags in (BRANCH, LEAF) and HEADER_BYTES < lower <= upper <= self._size:
            count = (lower - HEADER_BYTES) >> 1
            offsets: tuple[int, ...] = struct.unpack_from(f"<{count}H", content, HEADER_BYTES)
            if not lower & 1 and min(offsets) >= upper and max(offsets) <= self._size - NODE_BYTES:
                return content, flags == BRANCH, offsets
        raise self._damaged("a page is damaged", page, table=table)

    def _key(self, content: bytes, at: int) -> bytes:
        begin = at + NODE_BYTES
        return content[begin : begin + (content[at + 6] | content[at + 7] << 8)]

    def _expect_order(
        self, page: int, table: str, keys: list[bytes], low: Bound, high: Bound, order: Callable[[bytes], Any]
    ) -> None:
        some = [order(key) for key in keys]
        rising = all(one < next for one, next in pairwise(some))
        low_enough = not some or low is None or order(low) <= some[0]
        high_enough = not some or high is None or some[-1] < order(high)
        if not (rising and low_enough and high_enough):
            raise self._damaged("keys are out of order", page, table=table)

    def _overflow(self, page: int, content: bytes, at: int, table: str, kind: int) -> int:
        """Looks at the entry there, and at the pages of its value if it has its own; returns how many."""
        low, high, flags, key_bytes = _node(content, at)
        value_at, value_bytes = at + NODE_BYTES + key_bytes, low | high << 16
        is_big = flags == kind | BIG
        if value_at + (8 if is_big else value_bytes) > self._size or not (is_big or flags == kind):
            raise self._damaged("an entry is damaged", page, table=table)
        if not is_big:
            return 0
        (first,), count = _word(content, value_at), (HEADER_BYTES - 1 + value_bytes) // self._size + 1
        for each in range(first, first + count):
            self._reach(each, table)
        number, _, flags, low, high = page_header(self._bytes(first * self._size, HEADER_BYTES))
        if (number, flags, low | high << 16) != (first, OVERFLOW, count):
            raise self._damaged("a page is damaged", first, table=table)
        return int(count)

    def _value(self, node: Node) -> bytes:
        content, at = node
        low, high, flags, key_bytes = _node(content, at)
        value_at, value_bytes = at + NODE_BYTES + key_bytes, low | high << 16
        if flags & BIG:
            return self._bytes(_word(content, value_at)[0] * self._size + HEADER_BYTES, value_bytes)
        return content[value_at : value_at + value_bytes]

    # ------------------------------------------------------------------ pages

    def _reach(self, page: int, table: str) -> None:
        """A page is in use."""
        if not 1 < page <= self._head.last_page:
            raise self._damaged("a page is beyond the last one", page, table=table)
        if page >= self._pages_there:
            raise self._damaged("the file was cut", page, table=table, bytes=self._file_bytes)
        if self._reached[page]:
            raise self._damaged("a page is in use twice", page, table=table)
        self._reached[page] = 1
        self._pages += 1
        if not self._pages % LOOK_PAGES:
            self._beat()
            if time.monotonic() > self._until:
                raise _OutOfTime

    def _expect_free(self, page: int, value: bytes) -> None:
        """The pages that one transaction has freed: `value` is their number, then theirs."""
        words = struct.unpack(f"<{len(value) >> 3}Q", value[: len(value) & ~7])
        if not words or words[0] >= len(words):
            raise self._damaged("a list of free pages is damaged", page)
        for free in words[1 : words[0] + 1]:
            if not 1 < free <= self._head.last_page or self._is_reached(free):
                raise self._damaged("a page is free and in use", page, free=free)
            if free < self._pages_there:
                self._reached[free] = 1
            else:
                self._absent.add(free)

    def _is_reached(self, page: int) -> bool:
        return bool(self._reached[page]) if page < self._pages_there else page in self._absent

    def _bytes(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._file, size, offset)
        except OSError as error:
            raise Fault("the file cannot be read", path=self._path, offset=offset, error=error) from None

    def _damaged(self, text: str, page: int, **facts: Any) -> CorruptData:
        return CorruptData(text, path=self._path, page=page, **facts)


def _child(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 6], "little")


def _number(key: bytes) -> int:
    return int.from_bytes(key, "little")
