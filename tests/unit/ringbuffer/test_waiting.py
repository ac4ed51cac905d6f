"""Waiting, both ends in this process: a second thread or a hook stands for the other process."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from ringbuffer import (
    Aborted,
    Bell,
    Consumer,
    Park,
    PeerGone,
    Producer,
    RingTimeout,
    Spin,
    WaitStrategy,
    Yield,
)
from tests.deadline import until
from tests.unit.ringbuffer.conftest import MakeRing, Ring

LONG_S = 30.0  # far above any wait here: reached only if something hangs


class Mute(Bell):
    """A bell that wakes no process: every wake-up is lost."""

    def ring(self) -> None:
        return


def beside(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def when_asleep(ring: Ring, work: Callable[[], object]) -> threading.Thread:
    """Does the work as soon as the consumer goes to sleep once more than it has so far."""
    before = ring.consumer.statistics().parks

    def wait_and_work() -> None:
        until(lambda: ring.consumer.statistics().parks > before)
        work()

    return beside(wait_and_work)


def release(ring: Ring) -> list[bytes]:
    taken = ring.consumer.take()
    ring.consumer.release()
    return taken


def full(ring: Ring) -> Ring:
    while ring.producer.try_publish([bytes(8)]):
        pass
    return ring


def test_a_wait_ends_at_once_when_there_is_something(make_ring: MakeRing, bell: Bell) -> None:
    ring = make_ring(bell=bell)
    ring.producer.try_publish([b"x"])
    assert ring.consumer.wait(LONG_S)
    assert ring.consumer.statistics().parks == 0


@pytest.mark.parametrize("timeout_s", [0, 0.01])
def test_a_wait_for_nothing_ends_by_its_time(make_ring: MakeRing, bell: Bell, timeout_s: float) -> None:
    assert not make_ring(bell=bell).consumer.wait(timeout_s)


@pytest.mark.parametrize("timeout_s", [-1.0, float("nan")])
def test_an_impossible_time_is_refused(make_ring: MakeRing, timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        make_ring().consumer.wait(timeout_s)


def test_a_sleeping_consumer_is_woken(make_ring: MakeRing, bell: Bell) -> None:
    ring = make_ring(bell=bell, bound_s=10.0)  # a lost wake-up would show as ten seconds
    started = time.monotonic()
    for _ in range(200):
        thread = when_asleep(ring, lambda: ring.producer.try_publish([b"x"]))
        assert ring.consumer.wait(LONG_S)
        assert release(ring) == [b"x"]
        thread.join(LONG_S)
    assert time.monotonic() - started < 10.0
    assert ring.producer.statistics().wakes <= 200


def test_a_lost_wake_up_costs_the_bound_and_no_more(make_ring: MakeRing) -> None:
    mute = Mute((os.eventfd(0, os.EFD_NONBLOCK),), owned=True)
    ring = make_ring(bell=mute, bound_s=0.001)
    for _ in range(50):
        thread = when_asleep(ring, lambda: ring.producer.try_publish([b"x"]))
        started = time.monotonic()
        assert ring.consumer.wait(LONG_S)
        assert time.monotonic() - started < LONG_S / 10
        assert release(ring) == [b"x"]
        thread.join(LONG_S)


def test_the_bell_is_rung_only_for_one_who_sleeps_and_once_a_sleep(make_ring: MakeRing, bell: Bell) -> None:
    ring = make_ring(bell=bell)
    for _ in range(5):
        ring.producer.try_publish([b"x"])
    assert ring.producer.statistics().wakes == 0
    ring.consumer.take()
    assert ring.consumer.prepare_wait()
    for _ in range(5):
        ring.producer.try_publish([b"x"])
    assert ring.producer.statistics().wakes == 1
    ring.consumer.cancel_wait()
    assert not bell.wait(0), "cancel_wait drains"
    ring.producer.try_publish([b"x"])
    assert ring.producer.statistics().wakes == 1


def test_one_who_finds_something_does_not_go_to_sleep(make_ring: MakeRing) -> None:
    ring = make_ring()
    ring.producer.try_publish([b"x"])
    assert not ring.consumer.prepare_wait()
    ring.producer.try_publish([b"y"])
    assert ring.producer.statistics().wakes == 0


def test_each_sleep_is_a_new_one_even_if_the_last_was_never_ended(make_ring: MakeRing) -> None:
    ring = make_ring()
    assert ring.consumer.prepare_wait()
    ring.producer.try_publish([b"x"])
    ring.consumer.take()
    assert ring.consumer.prepare_wait()
    ring.producer.try_publish([b"y"])
    assert ring.producer.statistics().wakes == 2


def test_a_successor_of_a_sleeper_is_not_taken_for_it(make_ring: MakeRing) -> None:
    ring = make_ring()
    ring.consumer.prepare_wait()
    ring.producer.try_publish([b"x"])
    ring.reattach_consumer()
    ring.consumer.take()
    ring.producer.try_publish([b"y"])
    assert ring.producer.statistics().wakes == 1, "it does not sleep"
    ring.consumer.take()
    assert ring.consumer.prepare_wait()
    ring.producer.try_publish([b"z"])
    assert ring.producer.statistics().wakes == 2, "it sleeps, and that has not been answered"


def test_a_new_producer_wakes_a_consumer_that_has_slept_all_along(make_ring: MakeRing, bell: Bell) -> None:
    ring = make_ring(bell=bell)
    assert ring.consumer.prepare_wait()
    ring.reattach_producer()
    ring.producer.try_publish([b"x"])
    assert bell.wait(LONG_S)


def test_two_rings_can_share_the_bell_of_their_consumer(make_ring: MakeRing, bell: Bell) -> None:
    rings = [make_ring(bell=bell), make_ring(bell=bell)]
    for awake in rings:
        assert all(ring.consumer.prepare_wait() for ring in rings)
        awake.producer.try_publish([b"x"])
        assert bell.fileno() == awake.consumer.fileno()
        assert bell.wait(LONG_S)
        for ring in rings:
            ring.consumer.cancel_wait()
        assert [ring.consumer.take() for ring in rings] == [[b"x"] if ring is awake else [] for ring in rings]


def test_a_finished_producer_ends_the_wait(make_ring: MakeRing, bell: Bell) -> None:
    ring = make_ring(bell=bell, bound_s=10.0)
    thread = when_asleep(ring, ring.producer.finish)
    started = time.monotonic()
    assert not ring.consumer.wait(LONG_S)
    assert time.monotonic() - started < 10.0
    assert ring.consumer.finished
    thread.join(LONG_S)


@pytest.mark.parametrize("strategy", [Park(0.001), Yield(), Spin()])
def test_every_strategy_sees_what_comes_and_when_the_time_is_over(
    make_ring: MakeRing, strategy: WaitStrategy
) -> None:
    ring = make_ring()
    ring.consumer.close()
    with Consumer(ring.path, ring.bell, strategy=strategy) as consumer:
        assert not consumer.wait(0.005)
        thread = beside(lambda: ring.producer.try_publish([b"x"]))
        assert consumer.wait(LONG_S)
        thread.join(LONG_S)


@pytest.mark.parametrize("strategy", [Park(), Yield(), Spin()])
def test_every_strategy_publishes_when_room_is_made(make_ring: MakeRing, strategy: WaitStrategy) -> None:
    ring = full(make_ring(64))
    ring.producer.close()
    with Producer(ring.path, ring.bell, strategy=strategy) as producer:
        thread = beside(lambda: release(ring))
        producer.publish([b"late"], deadline_s=LONG_S)
        thread.join(LONG_S)
        assert ring.consumer.take() == [b"late"]


@pytest.mark.parametrize("bound_s", [0, -1, 11, float("nan")])
def test_a_bound_is_above_zero_and_not_long(bound_s: float) -> None:
    with pytest.raises(ValueError, match="bound_s"):
        Park(bound_s)


@pytest.mark.parametrize("deadline_s", [0, 0.01])
def test_publishing_into_a_full_ring_ends_by_its_deadline(make_ring: MakeRing, deadline_s: float) -> None:
    ring = full(make_ring(64))
    with pytest.raises(RingTimeout, match=r"no room in time .*backlog=64") as caught:
        ring.producer.publish([b"x"], deadline_s=deadline_s)
    assert caught.value.published == 0
    assert b"x" not in ring.consumer.take()


def test_publishing_waits_for_ever_if_told_but_asks_whether_to_go_on(make_ring: MakeRing) -> None:
    ring = full(make_ring(64))
    asked = iter([False] * 5 + [True])
    with pytest.raises(Aborted):
        ring.producer.publish([b"x"], deadline_s=float("inf"), abort=lambda: next(asked))
    assert next(asked, None) is None


def test_publishing_ends_when_the_consumer_is_gone(make_ring: MakeRing) -> None:
    ring = full(make_ring(64))
    ring.producer.close()
    alive = iter([True] * 5)
    with Producer(ring.path, ring.bell, liveness=lambda: next(alive, False)) as producer:
        assert not producer.try_publish([b"x"])
        with pytest.raises(PeerGone, match="the consumer is gone"):
            producer.publish([b"x"], deadline_s=LONG_S)


def test_waiting_for_records_can_be_aborted(make_ring: MakeRing) -> None:
    ring = make_ring(bound_s=0.001)
    asked = iter([False] * 5 + [True])
    with pytest.raises(Aborted):
        ring.consumer.wait(LONG_S, abort=lambda: next(asked))


def test_waiting_ends_when_the_producer_is_gone_but_not_before_all_is_taken(make_ring: MakeRing) -> None:
    ring = make_ring()
    ring.producer.try_publish([b"the last"])
    ring.consumer.close()
    with Consumer(ring.path, ring.bell, liveness=lambda: False) as consumer:
        assert consumer.wait(LONG_S)
        consumer.take()
        with pytest.raises(PeerGone, match="the producer is gone"):
            consumer.wait(LONG_S)


@pytest.mark.parametrize("length", [9, 16])
def test_a_batch_larger_than_half_the_ring_goes_in_parts(make_ring: MakeRing, length: int) -> None:
    ring = make_ring(128)
    batch = [bytes([n]) * (length + n % 2 * (length == 9)) for n in range(40)]
    got: list[bytes] = []

    def take() -> None:
        while len(got) < len(batch) and ring.consumer.wait(LONG_S):
            got.extend(ring.consumer.take())
            ring.consumer.release()

    thread = beside(take)
    ring.producer.publish(batch, deadline_s=LONG_S)
    thread.join(LONG_S)
    assert got == batch


def test_a_record_too_long_in_a_batch_that_would_go_in_parts_is_refused_at_once(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    with pytest.raises(ValueError, match="never fits"):
        ring.producer.publish([bytes(8), bytes(8), bytes(25)], deadline_s=LONG_S)
    assert ring.consumer.take() == []


def test_an_error_tells_how_many_records_are_in_the_ring(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    with pytest.raises(RingTimeout) as caught:
        ring.producer.publish([bytes(24)] * 5, deadline_s=0)
    assert caught.value.published == len(ring.consumer.take()) == 2


def test_an_idle_consumer_uses_under_two_percent_of_a_core(make_ring: MakeRing) -> None:
    ring = make_ring()
    used, started = time.thread_time(), time.monotonic()
    assert not ring.consumer.wait(1.0)
    assert time.thread_time() - used < 0.02 * (time.monotonic() - started)
