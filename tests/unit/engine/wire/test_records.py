"""Sections, payloads, batches, replies and log records: what goes in comes out."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptData
from engine.model.commit import Commit
from engine.wire.batches import Batch, decode_batch, decode_replies, encode_batch, encode_reply
from engine.wire.log import raw_record_decoder, record_decoder
from engine.wire.sections import (
    GROUP,
    PART,
    SECTION,
    decode_payload,
    encode_payload,
    encode_section,
    last_sequence,
)
from tests.unit.engine.cli.sample import Added, create

U32, U64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
WHO = st.binary(min_size=1, max_size=255)
GROUPS = st.lists(st.tuples(WHO, st.integers(1, 1000), st.binary(max_size=50)), min_size=1, max_size=5)


@given(st.integers(1, 1 << 62), U64, U64, GROUPS)
def test_a_section_keeps_its_groups(
    first: int, previous: int, time_ns: int, groups: list[tuple[bytes, int, bytes]]
) -> None:
    section = encode_section(first, previous, time_ns, iter(groups))
    total = sum(count for _, count, _ in groups)
    assert SECTION.unpack_from(section) == (first, previous, time_ns, total, len(groups))
    assert last_sequence(section) == first + total - 1
    at, found = SECTION.size, []
    for _ in groups:
        who_length, _, count, length = GROUP.unpack_from(section, at)
        at += GROUP.size
        body_at = at + who_length
        found.append((section[at:body_at], count, section[body_at : body_at + length]))
        at = body_at + length
    assert found == groups
    assert at == len(section)


@given(st.lists(st.tuples(U32, st.binary(max_size=60)), max_size=6))
def test_a_payload_keeps_its_sections(sections: list[tuple[int, bytes]]) -> None:
    assert list(decode_payload(encode_payload(sections))) == sections


def test_a_section_that_reaches_past_its_payload_is_corrupt() -> None:
    payload = encode_payload([(0, b"x" * 30), (1, b"y" * 30)])
    for length in range(1, 30):
        with pytest.raises(CorruptData, match="past its journal frame"):
            list(decode_payload(payload[:-length]))


@pytest.mark.parametrize("length", range(1, PART.size))
def test_a_payload_that_ends_inside_a_header_is_corrupt(length: int) -> None:
    with pytest.raises(CorruptData, match="past its journal frame"):
        list(decode_payload(encode_payload([(0, b"x")]) + bytes(length)))


PART_OF_BATCH = st.binary(max_size=40)
BATCHES = st.builds(Batch, U64, U64, U64, U32, *[PART_OF_BATCH] * 6, epoch=U32)


@given(BATCHES)
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    assert decode_batch(encode_batch(batch)) == batch


@given(st.lists(st.tuples(WHO, U32, st.binary(max_size=60)), max_size=6))
def test_replies_come_back_in_their_order(replies: list[tuple[bytes, int, bytes]]) -> None:
    assert list(decode_replies(b"".join(encode_reply(*reply) for reply in replies))) == replies


COMMITS = st.builds(
    Commit,
    st.text(min_size=1, max_size=20),
    st.integers(1, 1 << 60),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(1, 1 << 60),
    st.integers(0, 1 << 62),
    st.lists(st.builds(Added, st.integers()), min_size=1, max_size=3),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.booleans(), max_size=3),
)


@settings(deadline=None)
@given(st.integers(1, 1 << 62), st.lists(COMMITS, min_size=1, max_size=4))
def test_a_record_comes_back_typed_and_raw_alike(first: int, commits: list[Commit]) -> None:
    record = msgspec.json.encode((first, commits))
    position, typed = TYPED.decode(record)
    assert position == first
    assert [msgspec.structs.astuple(commit) for commit in typed] == [
        msgspec.structs.astuple(commit) for commit in commits
    ]
    raw = raw_record_decoder.decode(record)
    assert raw.first_position == first
    assert msgspec.json.encode((first, raw.commits)) == record


TYPED = record_decoder(create({}))
