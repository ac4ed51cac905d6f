"""The bell, by itself."""

import os
import select

import pytest

from ringbuffer import Bell, RingError


def readable(bell: Bell) -> bool:
    return bool(select.select([bell], [], [], 0)[0])


def test_a_bell_rung_many_times_is_heard_once(bell: Bell) -> None:
    for _ in range(3):
        bell.ring()
    assert readable(bell)
    assert bell.wait(10)
    assert not readable(bell)
    assert not bell.wait(0)


def test_a_bell_without_a_listener_never_blocks(bell: Bell) -> None:
    for _ in range(70_000):  # more than a pipe holds
        bell.ring()
    assert bell.drain() or True
    while bell.drain():
        pass
    assert not readable(bell)


def test_a_silent_bell_ends_the_wait_by_its_time(bell: Bell) -> None:
    assert not bell.wait(0.002)


def test_draining_tells_whether_it_was_rung(bell: Bell) -> None:
    assert not bell.drain()
    bell.ring()
    assert bell.drain()
    assert not bell.drain()


def test_a_bell_made_from_descriptors_is_the_same_bell_and_does_not_own_them(bell: Bell) -> None:
    first, second = Bell.from_fds(list(bell.fds)), Bell.from_fds(bell.fds)
    first.ring()
    first.close()
    assert second.wait(10)
    second.close()
    bell.ring()
    assert bell.wait(10)


def test_descriptors_that_were_not_passed_on_are_refused() -> None:
    gone = os.open(os.devnull, os.O_RDONLY)
    os.close(gone)
    with pytest.raises(RingError, match="not passed to this process"):
        Bell.from_fds([gone])


@pytest.mark.parametrize("fds", [[], [0, 1, 2]])
def test_a_bell_has_one_descriptor_or_two(fds: list[int]) -> None:
    with pytest.raises(ValueError, match="one descriptor or two"):
        Bell.from_fds(fds)


@pytest.mark.parametrize("timeout_s", [-1.0, float("nan")])
def test_an_impossible_time_is_refused(bell: Bell, timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        bell.wait(timeout_s)


def test_closing_twice_is_closing_once() -> None:
    bell = Bell.create()
    bell.close()
    bell.close()
