"""The file, byte by byte: what another program would have to know."""

import pytest

from ringbuffer import layout
from tests.unit.ringbuffer.conftest import MakeRing

HOT = [layout.PUBLISHED, layout.CONSUMED, layout.PARKED]
OTHERS = [layout.FINISHED, layout.MARK, layout.CONSUMER_PID, layout.HEADER_CRC]


@pytest.mark.parametrize("word", HOT)
def test_each_hot_word_is_alone_on_its_line(word: int) -> None:
    line = layout.LINE // 8
    assert word % line == 0
    assert all(word // line != other // line for other in HOT + OTHERS if other != word)


@pytest.mark.parametrize(
    ("length", "bytes_in_ring"), [(0, 8), (1, 16), (7, 16), (8, 16), (9, 24), (200, 208), (201, 216)]
)
def test_a_record_takes_its_header_and_is_rounded_up(length: int, bytes_in_ring: int) -> None:
    assert layout.framed(length) == bytes_in_ring


@pytest.mark.parametrize("capacity", [64, 72, 1000, 1 << 20, 1 << 32])
def test_the_largest_batch_and_the_padding_before_it_always_fit_together(capacity: int) -> None:
    largest = layout.longest_batch(capacity)
    padding = largest - 8  # a record that needs more than is left at the end leaves at most this
    assert largest + padding <= capacity
    assert layout.framed(layout.longest_record(capacity)) == largest


def test_a_record_lies_as_drawn(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    ring.producer.try_publish([b"abc"])
    file = ring.path.read_bytes()
    assert file[:8] == b"RINGBUF\n"
    assert file[128:136] == (16).to_bytes(8, "little")
    assert file[4096:4107] == bytes([3, 0, 0, 0, 1, 0, 1, 0]) + b"abc"


def test_records_of_one_length_lie_as_one_run(make_ring: MakeRing) -> None:
    ring = make_ring(64)
    ring.producer.try_publish([b"abc", b"def"])
    assert ring.path.read_bytes()[4096:4110] == bytes([3, 0, 0, 0, 2, 0, 1, 0]) + b"abcdef"


def test_padding_lies_before_a_record_that_does_not_fit(make_ring: MakeRing) -> None:
    ring = make_ring(64, start=48)
    ring.producer.try_publish([b"0123456789"])
    file = ring.path.read_bytes()
    assert file[4096 + 48 : 4096 + 56] == bytes([0, 0, 0, 0, 0, 0, 1, 0])
    assert file[4096:4114] == bytes([10, 0, 0, 0, 1, 0, 2, 0]) + b"0123456789"
    assert ring.producer.backlog == 16 + 24
