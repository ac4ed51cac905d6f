"""Commands whose answers were lost are not in flight for ever."""

from engine.cluster.unanswered import LOOK_S, LOOKS, Unanswered


def look(unanswered: Unanswered, in_flight: dict[bytes, int], looks: int, began: float = 0.0) -> float:
    for k in range(looks):
        unanswered.look(in_flight, began + k * LOOK_S)
    return began + looks * LOOK_S


def test_what_is_in_flight_for_long_is_taken_for_lost() -> None:
    unanswered, in_flight = Unanswered(), {b"a": 7, b"b": 2}
    now = look(unanswered, in_flight, LOOKS)
    assert in_flight == {b"a": 7, b"b": 2}
    in_flight[b"a"] = 10  # three more, a moment ago
    look(unanswered, in_flight, 1, now)
    assert in_flight == {b"a": 3}
    assert unanswered.forgiven == 9


def test_what_is_answered_in_between_is_not_lost() -> None:
    unanswered, in_flight = Unanswered(), {b"a": 7, b"b": 2}
    now = look(unanswered, in_flight, 5)
    in_flight.clear()  # all was answered, and more was sent
    now = look(unanswered, in_flight, 5, now)
    in_flight |= {b"a": 7}
    look(unanswered, in_flight, LOOKS - 9, now)
    assert in_flight == {b"a": 7}
    assert unanswered.forgiven == 0


def test_between_two_looks_nothing_is_looked_at() -> None:
    unanswered, in_flight = Unanswered(), {b"a": 7}
    for k in range(10 * LOOKS):
        unanswered.look(in_flight, k * LOOK_S / 1_000)
    assert in_flight == {b"a": 7}
