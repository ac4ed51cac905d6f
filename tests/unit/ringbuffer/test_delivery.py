"""Taking, releasing and coming back: what a process that ended in between finds."""

import pytest

from ringbuffer import RingError
from tests.unit.ringbuffer.conftest import MakeRing, Ring

RECORDS = [b"first", b"second", b"third", b"fourth"]


@pytest.fixture
def ring(make_ring: MakeRing) -> Ring:
    ring = make_ring()
    ring.producer.try_publish(RECORDS)
    return ring


def handle(ring: Ring, fails_at: int) -> None:
    for n, _ in enumerate(ring.consumer.take()):
        if n == fails_at:
            raise ArithmeticError("the handler's own error")
    ring.consumer.release()


@pytest.mark.parametrize("at", [0, 1, 3], ids=["first", "middle", "last"])
def test_when_the_handler_raises_its_successor_gets_the_batch_again(ring: Ring, at: int) -> None:
    with pytest.raises(ArithmeticError):
        handle(ring, at)
    assert ring.producer.backlog > 0
    ring.reattach_consumer()
    assert ring.consumer.take() == RECORDS


def test_what_was_released_is_not_delivered_again(ring: Ring) -> None:
    ring.consumer.take()
    ring.consumer.release()
    ring.producer.try_publish([b"fifth"])
    ring.reattach_consumer()
    assert ring.consumer.take() == [b"fifth"]


def test_several_takes_are_released_together(make_ring: MakeRing) -> None:
    ring = make_ring()
    for record in RECORDS:
        ring.producer.try_publish([record])
    assert [ring.consumer.take(1) for _ in range(3)] == [[record] for record in RECORDS[:3]]
    ring.consumer.release()
    ring.reattach_consumer()
    assert ring.consumer.take() == RECORDS[3:]


def test_a_new_producer_goes_on_where_the_old_one_stood(ring: Ring) -> None:
    ring.producer._write([b"never published"])
    ring.reattach_producer()
    ring.producer.try_publish([b"fifth"])
    assert ring.consumer.take() == [*RECORDS, b"fifth"]


def test_what_was_published_outlives_both_ends(ring: Ring) -> None:
    ring.reattach_producer()
    ring.reattach_consumer()
    assert ring.consumer.take() == RECORDS


def test_finished_means_that_everything_is_taken(ring: Ring) -> None:
    assert not ring.consumer.finished
    ring.producer.finish()
    assert not ring.consumer.finished
    ring.consumer.take()
    assert ring.consumer.finished
    ring.producer.finish()
    with pytest.raises(RingError, match="after finish"):
        ring.producer.try_publish([b"late"])


def test_a_new_producer_after_the_last_one_finished_begins_again(ring: Ring) -> None:
    ring.producer.finish()
    ring.reattach_producer()
    ring.consumer.take()
    assert not ring.consumer.finished


def test_statistics_count_what_happened(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    ring.producer.try_publish([b"12345678"])
    ring.producer.try_publish([b"1", b"23"])
    ring.producer.try_publish([b"123456789"])
    ring.consumer.take(1)
    ring.consumer.release()
    sent, got = ring.producer.statistics(), ring.consumer.statistics()
    assert (sent.records, sent.batches, sent.bytes, sent.full, sent.backlog) == (3, 2, 48, 1, 32)
    assert (got.records, got.takes, got.bytes, got.backlog, got.capacity) == (1, 1, 16, 32, 64)
