"""The gap index against a model that searches seat by seat."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain_12306.seating.gaps import SeatClass, geometry
from tests.unit.domain_12306.kit import Naive

steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000), st.integers(0, 1000)), max_size=80)


def test_ranks_go_from_the_longest_gap_to_the_shortest() -> None:
    lengths = [end - start for start, end in geometry(7).spans]
    assert lengths == sorted(lengths, reverse=True)
    assert len(lengths) == 28


@settings(max_examples=400, deadline=None)
@given(seats=st.integers(1, 12), segments=st.integers(1, 9), steps=steps)
def test_best_fit_gaps_and_counts_are_those_of_a_search_seat_by_seat(
    seats: int, segments: int, steps: list[tuple[int, int, int]]
) -> None:
    index, naive = SeatClass(seats, segments), Naive(seats, segments)
    for number, (kind, x, y) in enumerate(steps):
        if kind == 0 and naive.orders:
            order = list(naive.orders)[x % len(naive.orders)]
            (seat,), i, j = naive.orders[order]
            naive.give_back(order)
            pick = index.gap_around(seat, i, j)
            assert pick[1:] == naive.gap(seat, i, j)
            index.give_back(pick, i, j)
            continue
        i = x % segments
        j = i + 1 + y % (segments - i)
        pick_or_none = index.best_fit(i, j)
        assert pick_or_none == naive.best(i, j)
        if pick_or_none is not None:
            index.take(pick_or_none, i, j)
            naive.take(str(number), [pick_or_none[0]], i, j)
    for i in range(segments):
        for j in range(i + 1, segments + 1):
            assert index.remaining(i, j) == naive.remaining(i, j) == index.free(i, j).bit_count()


@settings(max_examples=150, deadline=None)
@given(seats=st.integers(1, 8), segments=st.integers(1, 6), steps=steps)
def test_what_was_sold_and_given_back_leaves_no_trace(
    seats: int, segments: int, steps: list[tuple[int, int, int]]
) -> None:
    index = SeatClass(seats, segments)
    sold = []
    for _, x, y in steps:
        i = x % segments
        j = i + 1 + y % (segments - i)
        if pick := index.best_fit(i, j):
            index.take(pick, i, j)
            sold.append((pick[0], i, j))
    for seat, i, j in sold:
        index.give_back(index.gap_around(seat, i, j), i, j)
    assert index.free(0, segments) == (1 << seats) - 1
    assert {length for length, _ in index.groups(0, 1)} == {segments}
    assert index.present.bit_count() == (1 if index.taken else 0)
