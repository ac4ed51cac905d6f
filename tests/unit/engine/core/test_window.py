"""The window: which ids count as handled, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core.window import ANSWER_BYTES, COMMITTED, Window


def ids(first: int, last: int) -> list[str]:
    return [f"{n:032x}" for n in range(first, last + 1)]


def fill(window: Window, some: list[str], answer: bytes = b"no") -> None:
    for id in some:
        window.young[id] = answer
        window.highest = max(window.highest, id)
    window.turn(len(answer) * len(some))


def stored_none(id: str) -> bool:
    raise AssertionError(f"there is no need to look for {id} in the store")


def test_an_id_is_found_with_its_answer_for_one_to_two_generations() -> None:
    window = Window(10, lambda id: False)
    (first,) = ids(1, 1)
    fill(window, [first])
    assert window.find(first) == b"no"
    fill(window, ids(2, 10))
    assert window.find(first) == b"no", "in the old generation"
    fill(window, ids(11, 19))
    assert window.find(first) == b"no"
    fill(window, ids(20, 20))
    assert window.find(first) is None, "dropped, and the store has no commit of it"


def test_a_generation_turns_only_when_it_is_full() -> None:
    window = Window(3, stored_none)
    fill(window, ids(1, 2))
    assert window.old == {}
    fill(window, ids(3, 3))
    assert list(window.old) == ids(1, 3)
    assert window.young == {}


def test_a_dropped_commit_is_looked_up_in_the_store() -> None:
    looked: list[str] = []

    def look(id: str) -> bool:
        looked.append(id)
        return True

    window = Window(5, look)
    for first in (1, 6, 11):
        fill(window, ids(first, first + 4), answer=COMMITTED)
    (late,) = ids(3, 3)
    assert window.find(late) == COMMITTED
    assert looked == [late]


def test_a_new_id_costs_no_look_into_the_store() -> None:
    window = Window(5, stored_none)
    for first in (1, 6, 11, 16):
        fill(window, ids(first, first + 4))
    (new,) = ids(99, 99)
    assert window.find(new) is None
    (known,) = ids(18, 18)
    assert window.find(known) == b"no"


def test_a_generation_is_full_too_when_its_answers_have_too_many_bytes() -> None:
    window = Window(10, lambda id: False)
    fill(window, ids(1, 2), answer=b"x" * ANSWER_BYTES * 4)
    assert window.old == {}
    fill(window, ids(3, 3), answer=b"x" * ANSWER_BYTES * 2)
    assert list(window.old) == ids(1, 3)
    fill(window, ids(4, 4))
    assert list(window.young) == ids(4, 4), "it begins to count again"
    for id in ids(5, 7):
        window.remember(id, b"x" * ANSWER_BYTES * 4)
    window.turn()
    assert list(window.old) == ids(4, 7)


def test_outcomes_of_an_earlier_life_are_remembered() -> None:
    window = Window(5, stored_none)
    (id,) = ids(7, 7)
    window.remember(id, b"no")
    assert window.find(id) == b"no"
    assert window.highest == id


def test_an_outcome_of_an_earlier_life_outlives_the_turn_that_comes_right_after_the_start() -> None:
    window = Window(10, stored_none)
    fill(window, ids(1, 9), answer=COMMITTED)  # a start loads stored commits first: nearly a generation
    (id,) = ids(5_000, 5_000)
    window.remember(id, b"no")
    fill(window, ids(6_000, 6_008), answer=COMMITTED)
    assert window.find(id) == b"no"


@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=8, unique=True), max_size=15))
def test_a_committed_id_is_never_forgotten_in_whatever_order_ids_come(batches: list[list[int]]) -> None:
    stored: set[str] = set()
    window = Window(4, stored.__contains__)
    for batch in batches:
        new = [id for n in batch if window.find(id := f"{n:032x}") is None]
        assert not stored & set(new)
        fill(window, new, answer=COMMITTED)
        stored |= set(new)
    assert all(window.find(id) is not None for id in stored)
    assert len(window.young) + len(window.old) <= 2 * (4 + 8)
