"""Ended timers: the newest are kept, those of one causation are found together."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from engine.managers.ended import EndedTimers, TimerStory, prefix_of, story_in
from engine.managers.timers import Timers
from tests.unit.engine.managers.relay import Put

A, B = "a" * 32, "b" * 32


def put(k: int, causation: str | None = A) -> Put:
    return Put("box", parcel="p", id=f"{k:032x}", causation=causation, correlation=B)


def save(ended: EndedTimers, stored: dict[bytes, bytes]) -> None:
    for key, value in ended.changes():
        if value is None:
            del stored[key]
        else:
            stored[key] = value


def stories(stored: dict[bytes, bytes], causation: str) -> list[TimerStory]:
    prefix = prefix_of(causation)
    return [story_in(key, value) for key, value in sorted(stored.items()) if key.startswith(prefix)]


def keyed(stored: dict[bytes, bytes]) -> Iterable[bytes]:
    return (key for key in stored if key.startswith(b"k"))


def test_each_end_of_a_timer_is_told() -> None:
    ended, stored = EndedTimers(), dict[bytes, bytes]()
    timers = Timers(ended.add)
    timers.set(10, "", put(0))
    timers.set(20, "key", put(1))
    timers.set(30, "key", put(2, B))
    timers.cancel("key", "c" * 32)
    timers.fire(100, 10)
    save(ended, stored)
    fired, replaced = stories(stored, A)
    (cancelled,) = stories(stored, B)
    assert fired == TimerStory(put(0).id, "box.put", "box", "", 10, "fired", B, A)
    assert replaced == TimerStory(put(1).id, "box.put", "box", "key", 20, "replaced", B, A, ended_by=B)
    assert cancelled == TimerStory(put(2).id, "box.put", "box", "key", 30, "cancelled", B, B, "c" * 32)


def test_a_timer_without_a_causation_is_told_without_one() -> None:
    ended, stored = EndedTimers(), dict[bytes, bytes]()
    timers = Timers(ended.add)
    timers.set(10, "", put(0, None))
    timers.fire(100, 10)
    save(ended, stored)
    (key,) = keyed(stored)
    assert story_in(key, stored[key]).causation is None


@given(st.lists(st.sampled_from("eslr"), max_size=40))
def test_just_the_newest_are_kept_whatever_happens_in_between(steps: list[str]) -> None:
    ended, stored, told = EndedTimers(most=3), dict[bytes, bytes](), 0
    for step in [*steps, "s"]:
        if step == "e":
            told += 1
            timers = Timers(ended.add)
            timers.set(told, "", put(told))
            timers.fire(told, 1)
        elif step == "s":
            save(ended, stored)
        else:  # killed or started again after a save
            save(ended, stored)
            ended = EndedTimers(most=3)
            ended.load(sorted(stored.items()))
    assert [story.due_ns for story in stories(stored, A)] == list(range(max(1, told - 2), told + 1))
    assert len(stored) == 2 * min(3, told)


def test_fewer_are_kept_after_a_start_that_says_so() -> None:
    ended, stored = EndedTimers(most=5), dict[bytes, bytes]()
    timers = Timers(ended.add)
    for k in range(5):
        timers.set(k, "", put(k))
    timers.fire(10, 10)
    save(ended, stored)
    less = EndedTimers(most=2)
    less.load(sorted(stored.items()))
    save(less, stored)
    assert [story.due_ns for story in stories(stored, A)] == [3, 4]
