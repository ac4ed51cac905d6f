"""Sections that are sent again, until what they hold is stored."""

from engine.cluster.resending import MOST_BYTES, Resending
from engine.wire.sections import encode_section, last_sequence


def section(first: int, count: int = 1, size: int = 2) -> bytes:
    return encode_section(first, first - 1, 1, [(b"me", count, bytes(size))])


def sent(*firsts: int) -> Resending:
    resending = Resending()
    resending.look(1)
    for first in firsts:
        resending.sent(section(first))
    return resending


def again(resending: Resending) -> list[int]:
    found = []
    while (one := resending.next()) is not None:
        found.append(last_sequence(one))
        resending.sent(one)
    return found


def test_nothing_is_sent_again_unless_the_core_asks() -> None:
    resending = sent(1, 2, 3)
    assert again(resending) == []
    resending.look(1)
    assert again(resending) == []
    resending.look(2)
    assert again(resending) == [1, 2, 3]
    assert again(resending) == []


def test_what_is_stored_is_not_sent_again() -> None:
    resending = sent(1, 2, 3)
    resending.settled(2)
    resending.look(2)
    assert again(resending) == [3]


def test_what_is_stored_while_it_is_sent_again_is_left_out() -> None:
    resending = sent(1, 2, 3)
    resending.look(2)
    first = resending.next()
    assert first is not None
    resending.sent(first)
    resending.settled(2)
    assert again(resending) == [3]


def test_there_is_room_until_much_is_on_its_way() -> None:
    resending = Resending()
    assert resending.room
    resending.sent(section(1, size=MOST_BYTES))
    assert not resending.room
    resending.settled(1)
    assert resending.room
