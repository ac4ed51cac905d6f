"""The head of LMDB's file: the meta pages, read without its map.

    meta   page header (16) | magic (4) | version (4) | - (8) | map bytes (8) | tree of what is free (48) |
           tree of the tables' names (48) | last page (8) | transaction (8)
    tree   page bytes, in the first one (4) | flags (2) | depth (2) | branch pages (8) | leaf pages (8) |
           overflow pages (8) | entries (8) | root (8)

Little-endian, LMDB 0.9 on a 64-bit machine. Pages 0 and 1 take turns; the one with the higher transaction
counts, and the other one has the transaction before it.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

MAGIC, VERSION = 0xBEEFC0DE, 1
META = 8  # flag of a page
HEADER_BYTES, TREE_BYTES = 16, 48
INTEGER_KEYS = 0x08  # flag of the first tree
SMALLEST_PAGE, LARGEST_PAGE = 512, 1 << 16
MOST_PAGES = 1 << 40
FREE_AT, NAMES_AT = HEADER_BYTES + 24, HEADER_BYTES + 24 + TREE_BYTES
HEAD_BYTES = NAMES_AT + TREE_BYTES + 16

page_header = Struct("<QHHHH").unpack_from
"""number | - | flags | lower | upper"""
_tree = Struct("<IHHQQQQQ").unpack_from
_magic = Struct("<II").unpack_from
_last = Struct("<QQ").unpack_from


class Tree(NamedTuple):
    """What a file says of one of its trees."""

    pad: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int


class Head(NamedTuple):
    """One meta page."""

    page_bytes: int
    free: Tree
    names: Tree
    last_page: int
    transaction: int


class BadHead(Exception):
    """What is wrong, and on which page."""

    def __init__(self, text: str, page: int, **facts: Any) -> None:
        super().__init__(text)
        self.text, self.page, self.facts = text, page, facts


def tree_at(content: bytes, at: int = 0) -> Tree:
    """The tree that is described there. struct.error if the content ends before."""
    return Tree(*_tree(content, at))


def read_head(read: Callable[[int, int], bytes], file_bytes: int) -> Head:
    """The head that counts. `read`: bytes from an offset. BadHead if it cannot be used."""
    first = read(0, HEAD_BYTES)
    if len(first) < HEAD_BYTES:
        raise BadHead("the file was cut", 0, bytes=file_bytes)
    size = tree_at(first, FREE_AT).pad
    if not SMALLEST_PAGE <= size <= LARGEST_PAGE or size & (size - 1):
        raise BadHead("the page size cannot be", 0, found=size)
    if file_bytes < 2 * size:
        raise BadHead("the file was cut", 1, bytes=file_bytes)
    heads = [_head_of(page, read(page * size, HEAD_BYTES), size) for page in (0, 1)]
    newest = max(head.transaction for head in heads)
    before = min(head.transaction for head in heads)
    # Both are 0 in a file that is new.
    if newest and (newest - before != 1 or heads[newest & 1].transaction != newest):
        found = f"{heads[0].transaction} and {heads[1].transaction}"
        raise BadHead("the transactions do not follow each other", 0, found=found)
    head = heads[newest & 1]
    if head.last_page >= MOST_PAGES:
        raise BadHead("the last page cannot be", newest & 1, found=head.last_page)
    return head


def _head_of(page: int, content: bytes, size: int) -> Head:
    number, _, flags, _, _ = page_header(content)
    free, names = tree_at(content, FREE_AT), tree_at(content, NAMES_AT)
    last, transaction = _last(content, NAMES_AT + TREE_BYTES)
    magic = _magic(content, HEADER_BYTES)
    if (number, flags, *magic, free.pad) != (page, META, MAGIC, VERSION, size):
        raise BadHead("this is not a meta page", page)
    if (free.flags, names.flags) != (INTEGER_KEYS, 0):
        raise BadHead("a meta page has flags that were never set", page)
    return Head(size, free, names, last, transaction)
