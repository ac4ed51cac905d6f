"""What a worker takes, and up to where it is done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine import Delivery
from engine.stages import taking
from engine.stages.taking import Ledger


def delivery(partition: int, position: int, index: int = 0) -> Delivery:
    id = f"{partition:016x}{position:016x}-{index}"
    return Delivery(id, "done", None, f"a-{position}", 1, partition, position, index, 0)


def test_what_comes_after_an_open_delivery_is_not_acknowledged() -> None:
    ledger = Ledger(1)
    some = [delivery(0, position) for position in (3, 5, 8)]
    ledger.hand_out(some)
    ledger.done(some[1])
    assert (ledger.settled(), ledger.count, ledger.positions([9])) == ([], 3, [2])
    ledger.done(some[0])
    assert (ledger.settled(), ledger.count, ledger.positions([9])) == ([some[1]], 1, [7])
    assert ledger.settled() == []
    ledger.done(some[2])
    assert (ledger.settled(), ledger.count, ledger.positions([9])) == ([some[2]], 0, [9])


@given(st.data())
def test_in_whatever_order_they_end_only_what_lies_before_the_first_open_one_is_acknowledged(
    data: st.DataObject,
) -> None:
    ledger = Ledger(2)
    places = st.tuples(st.integers(1, 9), st.integers(0, 1))
    waiting = [
        delivery(partition, *place)
        for partition in (0, 1)
        for place in sorted(data.draw(st.sets(places, max_size=8)))
    ]
    by_partition = [[one for one in waiting if one.partition == p] for p in (0, 1)]
    ledger.hand_out(waiting)
    done: set[str] = set()
    settled = ["", ""]
    for one in data.draw(st.permutations(waiting)):
        ledger.done(one)
        done.add(one.id)
        for last in ledger.settled():
            settled[last.partition] = last.id
        for some, last_id in zip(by_partition, settled, strict=True):
            first_open = next((k for k, each in enumerate(some) if each.id not in done), len(some))
            assert last_id == (some[first_open - 1].id if first_open else "")
    assert ledger.count == 0


def test_what_is_open_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MOST_OPEN", 5)
    monkeypatch.setattr(taking, "MOST_OPEN_BYTES", 1_000)
    ledger = Ledger(1)
    ledger.hand_out([delivery(0, 1), delivery(0, 2)])
    assert ledger.room == 3
    large = replace(delivery(0, 3), event={"text": "x" * 1_000})
    ledger.hand_out([large])
    assert ledger.room == 0
    for one in (delivery(0, 1), delivery(0, 2), large):
        ledger.done(one)
    assert ledger.settled() == [replace(large, event=None)]
    assert ledger.room == 5


def test_one_that_stays_open_leaves_room_for_the_others_as_long_as_they_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(taking, "MOST_OPEN", 5)
    monkeypatch.setattr(taking, "MOST_BEHIND", 100)
    ledger = Ledger(1)
    stuck, *others = [delivery(0, position) for position in range(1, 102)]
    ledger.hand_out([stuck])
    for count, other in enumerate(others, 1):
        assert ledger.room == min(4, 101 - count)
        ledger.hand_out([other])
        ledger.done(other)
        assert ledger.settled() == []
    assert (ledger.room, ledger.count, ledger.positions([101])) == (0, 101, [0])
    ledger.done(stuck)
    assert ledger.settled() == [others[-1]]
    assert (ledger.room, ledger.count, ledger.positions([101])) == (5, 0, [101])
