"""What is published is taken: all of it, whole, in order, wherever it falls in the data."""

import random
import struct

import pytest

from ringbuffer import RingError, layout
from tests.unit.ringbuffer.conftest import MakeRing

SMALLEST = layout.SMALLEST_CAPACITY


def fill(length: int, seed: int) -> bytes:
    return bytes((seed + i) % 256 for i in range(length))


def test_a_batch_without_records_is_refused_without_side_effects(make_ring: MakeRing) -> None:
    ring = make_ring()
    with pytest.raises(ValueError, match="without records"):
        ring.producer.try_publish([])
    assert ring.consumer.take() == []


@pytest.mark.parametrize("max_bytes", [0, -1])
def test_taking_nothing_is_refused_without_side_effects(make_ring: MakeRing, max_bytes: int) -> None:
    ring = make_ring()
    ring.producer.try_publish([b"one"])
    with pytest.raises(ValueError, match="max_bytes"):
        ring.consumer.take(max_bytes)
    assert ring.consumer.take() == [b"one"]


@pytest.mark.parametrize(
    "batch",
    [[25], [64], [10_000], [9, 9], [1, 9, 1], [0, 0, 0, 0, 0]],
    ids=["one byte", "the capacity", "huge", "equal lengths", "other lengths", "headers alone"],
)
@pytest.mark.parametrize("start", range(0, SMALLEST, 8))
@pytest.mark.parametrize("filled", [False, True])
def test_a_batch_too_large_for_an_empty_ring_is_refused_without_side_effects(
    make_ring: MakeRing, batch: list[int], start: int, filled: bool
) -> None:
    ring = make_ring(SMALLEST, start)
    if filled:
        ring.producer.try_publish([b"filled"])
    published = ring.producer.backlog
    with pytest.raises(ValueError, match=r"only 32 always fit"):
        ring.producer.try_publish([bytes(length) for length in batch])
    with pytest.raises(ValueError, match=r"deadline_s"):
        ring.producer.publish([b"x"], deadline_s=float("nan"))
    assert ring.producer.backlog == published
    assert ring.consumer.take() == [b"filled"] * filled


@pytest.mark.parametrize("start", range(0, SMALLEST, 8))
def test_the_largest_record_fits_an_empty_ring_wherever_its_cursors_stand(
    make_ring: MakeRing, start: int
) -> None:
    ring = make_ring(SMALLEST, start)
    longest = ring.producer.longest_record
    assert ring.producer.room() == longest == 24
    assert ring.producer.try_publish([fill(longest, start)])
    assert ring.consumer.take() == [fill(longest, start)]


def test_it_fills_exactly_refuses_one_more_and_takes_one_when_one_is_freed(make_ring: MakeRing) -> None:
    ring = make_ring(SMALLEST)
    for seed in range(4):
        assert ring.producer.try_publish([fill(8, seed)])
    assert ring.producer.backlog == SMALLEST
    assert ring.producer.room() == -1
    assert not ring.producer.try_publish([b""])
    assert ring.consumer.take(1) == [fill(8, 0)]
    assert not ring.producer.try_publish([b""]), "taken is not yet released"
    ring.consumer.release()
    assert ring.producer.room() == 8
    assert not ring.producer.try_publish([bytes(9)])
    assert ring.producer.try_publish([fill(8, 4)])
    assert not ring.producer.try_publish([b""])
    assert ring.consumer.take() == [fill(8, seed) for seed in range(1, 5)]


def test_a_batch_that_does_not_fit_leaves_nothing_behind(make_ring: MakeRing) -> None:
    ring = make_ring(SMALLEST)
    assert ring.producer.try_publish([fill(16, 1)])
    assert ring.producer.try_publish([fill(16, 2)])
    for batch in ([b"12345", b"54321"], [b"a", b"bc"], [b"12345678", b""]):
        assert not ring.producer.try_publish(batch)
    assert ring.consumer.take() == [fill(16, 1), fill(16, 2)]
    assert ring.consumer.take() == []


@pytest.mark.parametrize("batch", [[b"a", b"bcd"], [b"abc", b"def"]], ids=["other lengths", "equal lengths"])
def test_a_batch_appears_as_a_whole_and_not_before_the_cursor_moves(
    make_ring: MakeRing, batch: list[bytes]
) -> None:
    ring = make_ring()
    assert ring.producer._write(batch) is not None  # every byte is there, the cursor is not
    assert not ring.consumer.available()
    assert ring.consumer.take() == []
    ring.producer.try_publish(batch)
    assert ring.consumer.take() == batch


@pytest.mark.parametrize("start", range(0, SMALLEST, 8))
@pytest.mark.parametrize("length", range(25))
def test_every_length_wraps_at_every_remainder_of_the_smallest_capacity(
    make_ring: MakeRing, start: int, length: int
) -> None:
    ring = make_ring(SMALLEST, start)
    for seed in range(20):
        assert ring.producer.try_publish([fill(length, seed)])
        assert ring.consumer.take() == [fill(length, seed)]
        ring.consumer.release()


@pytest.mark.parametrize("start", range(0, 128, 8))
@pytest.mark.parametrize("lengths", [[3, 3, 3], [9, 9], [0, 0, 0, 0], [1, 20, 1], [0, 9, 17]])
def test_every_batch_wraps_at_every_remainder(make_ring: MakeRing, start: int, lengths: list[int]) -> None:
    ring = make_ring(128, start)
    for seed in range(12):
        batch = [fill(length, seed + i) for i, length in enumerate(lengths)]
        assert ring.producer.try_publish(batch)
        assert ring.consumer.take() == batch
        ring.consumer.release()


def test_padding_that_is_all_a_take_may_cover_is_not_an_empty_ring(make_ring: MakeRing) -> None:
    ring = make_ring(SMALLEST, start=32)
    ring.producer.try_publish([fill(8, 0)])
    ring.consumer.take()
    ring.consumer.release()
    ring.producer.try_publish([fill(24, 1)])  # 16 bytes are left before the end
    assert ring.consumer.available()
    assert ring.consumer.take(8) == [fill(24, 1)]


def test_a_take_stops_at_the_bytes_asked_for_but_gives_at_least_one_record(make_ring: MakeRing) -> None:
    ring = make_ring()
    for seed in range(6):
        ring.producer.try_publish([fill(24, seed)])
    assert len(ring.consumer.take(1)) == 1
    assert len(ring.consumer.take(32)) == 1
    assert len(ring.consumer.take(64)) == 2
    assert len(ring.consumer.take(10_000)) == 2


def test_a_long_run_is_taken_in_parts(make_ring: MakeRing) -> None:
    ring = make_ring(1 << 16)
    batch = [struct.pack("<Q", n) for n in range(2000)]
    ring.producer.try_publish(batch)
    first = ring.consumer.take(1)
    assert first == batch[: layout.LONGEST_RUN]
    assert first + ring.consumer.take() == batch


@pytest.mark.parametrize("record", [bytearray(b"abc"), memoryview(b"abc"), memoryview(b"xabcx")[1:4]])
def test_any_bytes_can_be_published_and_are_taken_as_bytes(
    make_ring: MakeRing, record: bytearray | memoryview
) -> None:
    ring = make_ring()
    ring.producer.try_publish([record])
    ring.producer.try_publish([record, b"abc"])
    taken = ring.consumer.take()
    assert taken == [b"abc"] * 3
    assert all(type(one) is bytes for one in taken)


@pytest.mark.parametrize("start", [(1 << 63) - 4096, (1 << 63) - 8, 1 << 63])
def test_cursors_pass_two_to_the_sixty_third(make_ring: MakeRing, start: int) -> None:
    ring = make_ring(512, start)
    for seed in range(100):
        assert ring.producer.try_publish([fill(100, seed), fill(3, seed)], mark=seed)
        assert ring.consumer.take() == [fill(100, seed), fill(3, seed)]
        assert ring.consumer.mark == seed
        ring.consumer.release()
    ring.reattach_producer()
    ring.reattach_consumer()
    assert ring.producer.backlog == ring.consumer.backlog == 0


def test_laps_pass_two_to_the_sixteenth(make_ring: MakeRing) -> None:
    ring = make_ring(SMALLEST, SMALLEST * ((1 << 16) - 3))
    for seed in range(40):
        assert ring.producer.try_publish([fill(16, seed)])
        assert ring.consumer.take() == [fill(16, seed)]
        ring.consumer.release()


@pytest.mark.parametrize("capacity", [64, 72, 96, 200, 256, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_any_traffic_comes_out_as_it_went_in(make_ring: MakeRing, capacity: int, seed: int) -> None:
    ring = make_ring(capacity)
    chance = random.Random(seed)
    sent: list[bytes] = []
    got: list[bytes] = []
    for n in range(600):
        lengths = [chance.randrange(ring.producer.longest_record + 1) for _ in range(chance.randrange(1, 5))]
        if chance.random() < 0.4:
            lengths = [lengths[0] % 16] * len(lengths)
        batch = [fill(length, n + i) for i, length in enumerate(lengths)]
        if sum(map(layout.framed, lengths)) <= layout.longest_batch(capacity):
            fits = len(batch) > 1 or lengths[0] <= ring.producer.room()
            if ring.producer.try_publish(batch, mark=n):
                assert fits
                sent += batch
                assert ring.consumer.mark == n
            else:
                assert len(batch) > 1 or not fits
        if chance.random() < 0.6:
            got += ring.consumer.take(chance.randrange(1, 2 * capacity))
            if chance.random() < 0.8:
                ring.consumer.release()
    got += ring.consumer.take()
    assert got == sent
    assert ring.producer.statistics().records == ring.consumer.statistics().records == len(sent)
    assert ring.producer.statistics().bytes == ring.consumer.statistics().bytes


HEADERS = {
    "never written": 0,
    "of another lap": 2 << 48 | 1 << 32 | 3,
    "a run beyond the end": 1 << 48 | 9 << 32 | 500,
    "too long a run": 1 << 48 | 999 << 32,
    "all ones": (1 << 64) - 1,
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_cannot_be_is_found_and_named(make_ring: MakeRing, name: str) -> None:
    ring = make_ring(SMALLEST)
    ring.producer.try_publish([b"abc"])
    ring.producer._words[layout.DATA_AT // 8] = HEADERS[name]
    with pytest.raises(RingError, match=r"damaged .*ring-0.*cursor=0"):
        ring.consumer.take()


def test_a_record_reaching_beyond_what_is_published_is_found_and_named(make_ring: MakeRing) -> None:
    ring = make_ring(SMALLEST)
    ring.producer.try_publish([b"abc"])
    ring.producer._words[layout.DATA_AT // 8] += 20
    with pytest.raises(RingError, match="beyond what is published"):
        ring.consumer.take()
