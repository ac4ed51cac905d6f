"""Timers and the outbox: what has to leave, now or later, and outlives its process."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.managers.outbox import Outbox, OutboxEntry
from engine.managers.timers import NEVER_NS, Timers
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from tests.unit.engine.managers.relay import Put


def put(k: int) -> Put:
    return Put("a", parcel="p", id=f"{k:032x}")


def commands(entries: list[OutboxEntry]) -> list[Command]:
    return [entry.command for entry in entries]


def decode(body: bytes) -> Command:
    return msgspec.json.decode(body, type=Put)


def save(part: Timers | Outbox, stored: dict[bytes, bytes]) -> None:
    for key, value in part.changes():
        if value is None:
            stored.pop(key, None)
        else:
            stored[key] = value


def test_timers_fire_the_earliest_first_and_once() -> None:
    timers = Timers()
    for k, due in enumerate((30, 10, 20)):
        timers.set(due, "", put(k))
    assert timers.next_due_ns == 10
    assert timers.fire(9, 10) == []
    assert timers.fire(20, 10) == [put(1), put(2)]
    assert timers.fire(20, 10) == []
    assert timers.fire(1000, 10) == [put(0)]
    assert timers.next_due_ns == NEVER_NS


def test_no_more_fire_at_a_time_than_asked_for() -> None:
    timers = Timers()
    for k in range(5):
        timers.set(k, "", put(k))
    assert [len(timers.fire(10, 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_timer_with_the_same_key_is_replaced_and_one_without_is_not() -> None:
    timers = Timers()
    timers.set(10, "k", put(0))
    timers.set(20, "k", put(1))
    timers.set(20, "", put(2))
    timers.set(20, "", put(3))
    timers.cancel("")
    assert timers.fire(15, 10) == []
    assert timers.fire(25, 10) == [put(1), put(2), put(3)]


def test_a_cancelled_timer_does_not_fire_and_a_fired_one_cannot_be_cancelled() -> None:
    timers = Timers()
    timers.set(10, "k", put(0))
    timers.cancel("k")
    timers.cancel("k")
    assert timers.fire(20, 10) == []
    timers.set(10, "k", put(1))
    assert timers.fire(20, 10) == [put(1)]
    timers.cancel("k")
    assert len(timers) == 0


@given(st.lists(st.tuples(st.sampled_from("sscf"), st.integers(0, 4), st.integers(0, 20))))
def test_what_is_saved_and_loaded_again_fires_the_same(steps: list[tuple[str, int, int]]) -> None:
    timers, stored = Timers(), dict[bytes, bytes]()
    for number, (what, key, at) in enumerate(steps):
        if what == "s":
            timers.set(at, str(key) if key else "", put(number))
        elif what == "c":
            timers.cancel(str(key))
        else:
            timers.fire(at, 2)
        if number % 2:
            save(timers, stored)
    save(timers, stored)
    again = Timers()
    again.load(sorted(stored.items()), decode)
    assert again.pending() == timers.pending()
    assert again.fire(100, 100) == timers.fire(100, 100)


def test_a_key_that_is_set_again_and_again_takes_no_room() -> None:
    timers = Timers()
    for k in range(1000):
        timers.set(k, "k", put(k))
    assert len(timers) == 1
    assert len(timers._due) < 100


def test_an_outbox_that_is_loaded_again_has_everything_leave_in_order() -> None:
    outbox, stored = Outbox(), dict[bytes, bytes]()
    for k in (5, 3, 4, 9):
        outbox.add(put(k), msgspec.json.encode(put(k)))
    save(outbox, stored)
    outbox.durable()
    assert commands(outbox.leaving(2)) == [put(5), put(3)]
    assert commands(outbox.leaving(9)) == [put(4), put(9)]
    answered = outbox.find(put(3).id)
    refused = outbox.find(put(4).id)
    assert answered is not None
    assert refused is not None
    outbox.remove(answered)
    outbox.refused(refused, Refusal("rejected", "no-room", "text"))
    save(outbox, stored)
    again = Outbox()
    again.load(sorted(stored.items()), decode)
    assert commands(again.leaving(9)) == [put(5), put(9)]
    (entry,) = again.refusals()
    assert entry.refusal == Refusal("rejected", "no-room", "text")
    again.add(put(1), msgspec.json.encode(put(1)))
    save(again, stored)
    third = Outbox()
    third.load(sorted(stored.items()), decode)
    assert commands(third.leaving(9)) == [put(5), put(9), put(1)]


def test_a_command_that_is_there_already_is_not_taken_twice() -> None:
    outbox = Outbox()
    outbox.add(put(1), msgspec.json.encode(put(1)))
    outbox.add(put(1), msgspec.json.encode(put(1)))
    assert len(outbox) == 1


def test_a_timer_counts_from_now_where_the_clock_is_behind_what_it_counted_from() -> None:
    """It was set by a clock that stood ahead, or the clock has been set back since."""
    timers, stored = Timers(), dict[bytes, bytes]()
    timers.set(1_000_030, "k", put(0), from_ns=1_000_000)
    assert timers.fire(100, 10) == []
    assert [(due, key) for due, key, _ in timers.pending()] == [(130, "k")]
    save(timers, stored)
    again = Timers()
    again.load(stored.items(), decode)
    for some in (timers, again):
        assert some.fire(129, 10) == []
        (fired,) = some.fire(130, 10)
        assert fired.id[:12] == "0" * 12, "of the time at which it leaves, not of one to come"
    assert len(stored) == 1


def test_timers_that_are_loaded_into_a_clock_that_is_behind_count_from_now() -> None:
    timers, stored = Timers(), dict[bytes, bytes]()
    timers.set(1_000_030, "", put(0), from_ns=1_000_000)
    assert timers.fire(1_000_001, 10) == []
    save(timers, stored)
    again = Timers()
    again.load(stored.items(), decode)
    assert again.fire(100, 10) == []
    assert again.next_due_ns == 130
    save(again, stored)
    assert len(stored) == 1, "under its new id alone"


def test_a_clock_that_is_set_back_while_a_timer_is_set() -> None:
    timers = Timers()
    timers.set(1_000_030, "k", put(0), from_ns=1_000_000)
    assert timers.fire(1_000_010, 10) == []
    assert timers.fire(500, 10) == []
    assert timers.next_due_ns == 530
    timers.cancel("k")
    assert len(timers) == 0


def test_a_timer_for_a_time_of_day_waits_for_that_whatever_the_clock_was() -> None:
    timers = Timers()
    timers.set(1_000_030, "k", put(0))
    assert timers.fire(100, 10) == []
    assert timers.next_due_ns == 1_000_030


def test_a_clock_that_goes_on_moves_no_timer() -> None:
    timers = Timers()
    timers.set(130, "k", put(0), from_ns=100)
    assert timers.fire(100, 10) == []
    assert timers.fire(130, 10) == [put(0)]
