"""The doorbell: a notice comes back as it was sent, and a beat is one without a record."""

from hypothesis import given
from hypothesis import strategies as st

from engine.wire.doorbell import decode_notice, encode_beat, encode_notice

U64 = st.integers(0, (1 << 64) - 1)


@given(st.integers(0, (1 << 16) - 1), U64, U64, st.binary(max_size=40))
def test_a_notice_comes_back_as_it_was_sent(partition: int, first: int, last: int, record: bytes) -> None:
    assert decode_notice(encode_notice(partition, first, last, record)) == (partition, first, last, record)


def test_a_notice_lies_as_its_diagram_says() -> None:
    assert encode_notice(1, 2, 3, b"[]") == b"\0\1" + b"\0" * 7 + b"\2" + b"\0" * 7 + b"\3" + b"[]"


@given(st.integers(0, (1 << 16) - 1), st.integers(0, (1 << 64) - 2))
def test_a_beat_is_a_notice_of_what_comes_next_without_a_record(partition: int, last: int) -> None:
    assert decode_notice(encode_beat(partition, last)) == (partition, last + 1, last, b"")
