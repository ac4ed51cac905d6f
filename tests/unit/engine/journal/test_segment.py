from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.segment import (
    BODY,
    HEADER,
    Header,
    decode_header,
    named_sequence,
    segment_name,
    segment_names,
)
from tests.recovery.disk import Disk

words = st.integers(0, 2**64 - 1)


@given(words, words, words, words, words, words)
def test_a_header_is_read_back(
    size: int, first: int, previous: int, segment: int, time_ns: int, salt: int
) -> None:
    header = Header(size, first, previous, segment, time_ns, salt)
    page = header.encode().ljust(BODY, b"\0")
    assert decode_header(page) == header


@pytest.mark.parametrize("bit", range(8 * HEADER.size))
def test_any_flipped_bit_of_a_header_is_noticed(bit: int) -> None:
    page = bytearray(Header(64 << 20, 7, 6, 1, 99, 12306).encode())
    page[bit // 8] ^= 1 << bit % 8
    assert isinstance(decode_header(bytes(page)), str)


def test_a_header_of_another_version_says_so() -> None:
    page = bytearray(Header(64 << 20, 7, 6, 1, 99, 12306).encode())
    page[8] = 2
    assert decode_header(bytes(page)) == "the segment has format version 2, this program reads 1"


def test_an_empty_file_is_no_segment() -> None:
    assert decode_header(b"") == "the file is too short to be a segment"


def test_segments_that_begin_with_the_same_sequence_have_different_seeds() -> None:
    assert Header(8192, 1, 0, 0, 0, salt=1).seed != Header(8192, 1, 0, 0, 0, salt=2).seed


@given(words)
def test_the_name_is_the_first_sequence_and_sorts_as_it_does(sequence: int) -> None:
    assert named_sequence(segment_name(sequence)) == sequence
    assert segment_name(sequence) <= segment_name(min(sequence + 1, 2**64 - 1))


@pytest.mark.parametrize(
    "name", ["1.journal", "x.journal", f"{'٣' * 20}.journal", "+0000000000000000001.journal"]
)
def test_other_names_are_no_sequences(name: str) -> None:
    assert named_sequence(name) is None


def test_every_file_that_claims_to_be_a_segment_is_looked_at() -> None:
    disk = Disk(
        {"x.journal": b"", "spare.tmp": b"", segment_name(1): b"", segment_name(1) + ".torn-4096-1": b""}
    )
    assert segment_names(disk, Path("journal")) == [segment_name(1), "x.journal"]
