"""The mark changes with the published cursor, in one store, wherever the producer is killed."""

import pytest

from ringbuffer import layout
from ringbuffer.mark import prepare_mark
from tests.unit.ringbuffer.conftest import MakeRing


def test_a_fresh_mark_is_zero_and_can_be_any_word(make_ring: MakeRing) -> None:
    ring = make_ring()
    assert ring.producer.mark == ring.consumer.mark == 0
    for value in (7, (1 << 64) - 1, 0):
        ring.producer.mark = value
        assert ring.producer.mark == ring.consumer.mark == value


def test_a_mark_is_published_with_its_batch(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    for n in range(1, 50):
        assert ring.producer.try_publish([b"x"], mark=n)
        assert ring.consumer.mark == n
        ring.consumer.take()
        ring.consumer.release()
        if n % 3 == 0:
            ring.producer.mark = 1000 + n
            assert ring.consumer.mark == 1000 + n
        if n % 5 == 0:
            ring.reattach_producer()


def test_a_batch_without_room_leaves_the_mark(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    ring.producer.try_publish([bytes(24)], mark=1)
    ring.producer.try_publish([bytes(24)], mark=2)
    assert not ring.producer.try_publish([b"x"], mark=3)
    assert ring.consumer.mark == 2


def test_batches_without_a_mark_keep_it(make_ring: MakeRing) -> None:
    ring = make_ring()
    ring.producer.try_publish([b"x"], mark=5)
    ring.producer.try_publish([b"y"])
    assert ring.producer.mark == 5


def test_a_batch_in_parts_has_its_mark_with_the_last_part(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    with pytest.raises(Exception, match="no room in time"):
        ring.producer.publish([bytes(24)] * 3, deadline_s=0, mark=9)
    assert ring.producer.mark == 0
    ring.consumer.take()
    ring.consumer.release()
    ring.producer.publish([bytes(24)] * 2, deadline_s=0, mark=9)
    assert ring.producer.mark == 9


class Killed(Exception):
    """Stands for the end of the process at one store."""


class DyingWords:
    """Words that stop being written after some stores."""

    def __init__(self, words: "memoryview[int]", stores: int) -> None:
        self.words = words
        self.left = stores

    def __getitem__(self, index: int) -> int:
        return self.words[index]

    def __setitem__(self, index: int, value: int) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.words[index] = value


@pytest.mark.parametrize("stores", range(5))
@pytest.mark.parametrize("batches_before", range(3))
def test_killed_before_any_store_neither_mark_nor_batch_has_changed(
    make_ring: MakeRing, stores: int, batches_before: int
) -> None:
    ring = make_ring()
    for n in range(batches_before):
        ring.producer.try_publish([b"before"], mark=100 + n)
    mark = ring.producer.mark
    cursor = ring.producer._words[layout.PUBLISHED] + 16
    dying = DyingWords(ring.producer._words, stores)
    try:
        prepare_mark(dying, 999, cursor)  # type: ignore[arg-type]
        dying[layout.PUBLISHED] = cursor
    except Killed:
        pass
    published = stores == 4
    assert ring.consumer.mark == (999 if published else mark)
    if not published:
        ring.reattach_producer()
        assert ring.producer.mark == mark
        for n in range(3):  # these pass the cursor from which the lost mark would have held
            ring.producer.try_publish([b"a longer one than that", b"x"], mark=None if n < 2 else 7)
            assert ring.producer.mark == ring.consumer.mark == (mark if n < 2 else 7)
