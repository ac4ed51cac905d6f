"""Messages that came and wait to be taken."""

from engine.cluster.arrivals import MOST_BYTES, Arrivals
from engine.cluster.logs import Message


def test_messages_are_taken_in_order() -> None:
    arrivals = Arrivals()
    assert not arrivals
    for sequence in (1, 2):
        arrivals.arrived(Message(sequence, 1, b"x"))
    assert arrivals
    assert [arrivals.take().sequence for _ in range(2)] == [1, 2]
    assert not arrivals


def test_there_is_room_until_much_waits_and_again_once_it_is_taken() -> None:
    arrivals = Arrivals()
    assert arrivals.room()
    arrivals.arrived(Message(1, 1, bytes(MOST_BYTES)))
    assert not arrivals.room()
    arrivals.take()
    assert arrivals.room()
