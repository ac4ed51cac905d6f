import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.frame import (
    ALIGNMENT,
    BATCH,
    HEADER_SIZE,
    NOTHING,
    SEAL,
    SEAL_SIZE,
    FrameHeader,
    checksum_holds,
    decode_header,
    encode,
    encode_seal,
    frame_size,
)

words = st.integers(0, 2**64 - 1)


def whole(data: bytes, seed: int) -> FrameHeader | None:
    """The header of a frame that is exactly these bytes; None if it is not one."""
    header = decode_header(data[:HEADER_SIZE], len(data))
    if isinstance(header, str) or header.size != len(data):
        return None
    payload, padding = data[HEADER_SIZE : HEADER_SIZE + header.length], data[HEADER_SIZE + header.length :]
    return header if checksum_holds(header, payload, padding, seed) else None


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1), words, words, words)
def test_what_was_encoded_is_read_back(
    payload: bytes, seed: int, count: int, first: int, previous: int, time_ns: int
) -> None:
    data = b"".join(encode(payload, seed, BATCH, count, first, previous, time_ns))
    assert len(data) == frame_size(len(payload))
    assert len(data) % ALIGNMENT == 0
    header = whole(data, seed)
    assert header is not None
    assert (header.kind, header.length, header.count) == (BATCH, len(payload), count)
    assert (header.first_sequence, header.previous_sequence, header.time_ns) == (first, previous, time_ns)
    assert data[HEADER_SIZE : HEADER_SIZE + header.length] == payload


@given(st.binary(max_size=40), st.data())
def test_any_flipped_bit_is_noticed(payload: bytes, data: st.DataObject) -> None:
    good = b"".join(encode(payload, 7, BATCH, 1, 5, 4, 99))
    bit = data.draw(st.integers(0, 8 * len(good) - 1))
    bad = bytearray(good)
    bad[bit // 8] ^= 1 << bit % 8
    assert whole(bytes(bad), 7) is None


def test_a_frame_of_another_segment_is_not_believed() -> None:
    data = b"".join(encode(b"payload", 7, BATCH, 1, 5, 4, 99))
    assert whole(data, 7)
    assert whole(data, 8) is None


def test_a_seal_is_a_frame_without_commands() -> None:
    data = b"".join(encode_seal(7, 12, 11, 99))
    assert len(data) == SEAL_SIZE
    header = whole(data, 7)
    assert header is not None
    assert (header.kind, header.count, header.first_sequence, header.previous_sequence) == (SEAL, 0, 12, 11)


@pytest.mark.parametrize(
    ("kind", "count", "payload"), [(BATCH, 0, b""), (SEAL, 1, b""), (SEAL, 0, b"x"), (3, 1, b"")]
)
def test_a_frame_of_an_impossible_kind_is_refused_even_with_a_right_checksum(
    kind: int, count: int, payload: bytes
) -> None:
    assert whole(b"".join(encode(payload, 7, kind, count, 5, 4, 99)), 7) is None


def test_a_frame_that_needs_more_than_its_room_is_refused_before_it_is_read() -> None:
    header = encode(b"x" * 100, 7, BATCH, 1, 5, 4, 99)[0]
    assert isinstance(decode_header(header, frame_size(100)), FrameHeader)
    assert decode_header(header, frame_size(100) - 1) == "the frame reaches past the end of its segment"


def test_zeros_are_no_frame() -> None:
    assert whole(NOTHING, 0) is None


def test_the_format_does_not_change_by_accident() -> None:
    data = b"".join(encode(b"[{}]", 0x01020304, BATCH, 2, 3, 1, 1_790_000_000_000_000_000))
    assert data.hex() == (
        "5246524d" "01" "01" "0000" "04000000" "beb2ddc3" "02000000" "00000000"
        "0300000000000000" "0100000000000000" "0000f323845bd718" "5b7b7d5d" "00000000"
    )  # fmt: skip
