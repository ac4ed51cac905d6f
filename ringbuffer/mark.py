"""The producer's mark: one u64 of its own that changes together with the published cursor, or not at all.

A producer that was killed reads from it how far it had come. Two words cannot be stored at once, so a new
value goes into the slot that is not current, with the cursor from which it holds, and becomes current by the
very store that publishes the batch. If the producer is killed before that store, neither has happened; after
it, both have.
"""

from ringbuffer.layout import MARK, PUBLISHED

_NEVER = (1 << 64) - 1


def _current(words: "memoryview[int]", published: int) -> int:
    """The index of the current slot, which is the later one of those that hold already."""
    first, second = words[MARK], words[MARK + 2]
    if first <= published and (second > published or first >= second):
        return MARK
    return MARK + 2


def read_mark(words: "memoryview[int]") -> int:
    """The mark that belongs to what is published now."""
    while True:
        published = words[PUBLISHED]
        value = words[_current(words, published) + 1]
        # Preparing a slot is followed by a move of the cursor. If the cursor has not moved, the slot just
        # read was not the one being prepared.
        if words[PUBLISHED] == published:
            return value


def set_mark(words: "memoryview[int]", value: int) -> None:
    """Changes the mark now."""
    words[_current(words, words[PUBLISHED]) + 1] = value


def prepare_mark(words: "memoryview[int]", value: int, cursor: int) -> None:
    """Prepares the mark to be `value` once the published cursor is `cursor`."""
    slot = 2 * MARK + 2 - _current(words, words[PUBLISHED])
    words[slot] = _NEVER  # not current under any cursor, while it is half written
    words[slot + 1] = value
    words[slot] = cursor


def forget_prepared(words: "memoryview[int]") -> None:
    """Gives up a mark whose batch was never published, so that a later batch does not make it current."""
    for slot in (MARK, MARK + 2):
        if words[slot] > words[PUBLISHED]:
            words[slot] = _NEVER
