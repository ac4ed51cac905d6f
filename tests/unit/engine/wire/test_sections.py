"""Sections and payloads: what goes in comes out, and what is cut off is noticed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import CorruptData
from engine.wire.commands import join_commands
from engine.wire.groups import Group
from engine.wire.sections import (
    PART,
    decode_payload,
    encode_payload,
    encode_section,
    first_sequence,
    groups_of,
    header_of,
    last_sequence,
    parts_of,
    singles,
)

U32, U64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
WHO = st.binary(min_size=1, max_size=255)
GROUPS = st.lists(st.tuples(WHO, st.integers(1, 1000), st.binary(max_size=50)), min_size=1, max_size=5)


@given(st.integers(1, 1 << 62), U64, U64, GROUPS)
def test_a_section_keeps_its_header_and_its_groups(
    first: int, previous: int, time_ns: int, groups: list[Group]
) -> None:
    section = encode_section(first, previous, time_ns, iter(groups))
    total = sum(count for _, count, _ in groups)
    assert header_of(section) == (first, previous, time_ns, total, len(groups))
    assert first_sequence(section) == first
    assert last_sequence(section) == first + total - 1
    assert list(groups_of(section)) == groups


def test_a_section_of_several_commands_is_taken_apart_into_single_ones() -> None:
    section = encode_section(7, 4, 1000, [(b"one", 2, b'["a","b"]'), (b"two", 1, b'["c"]')])
    parts = [(*header_of(single), *groups_of(single)) for single in singles(section)]
    assert parts == [
        (7, 4, 1000, 1, 1, (b"one", 1, b'["a"]')),
        (8, 7, 1001, 1, 1, (b"one", 1, b'["b"]')),
        (9, 8, 1002, 1, 1, (b"two", 1, b'["c"]')),
    ]


def test_single_commands_are_as_they_were_written() -> None:
    body = b'[ {"n": 1.50} ,\n{"n":2}]'
    section = encode_section(1, 0, 0, [(b"me", 2, body)])
    bodies = [body for single in singles(section, after=0) for _, _, body in groups_of(single)]
    assert bodies == [b'[{"n": 1.50}]', b'[{"n":2}]']
    assert msgspec.json.decode(body) == [msgspec.json.decode(one)[0] for one in bodies]


def test_single_commands_before_a_sequence_are_left_out() -> None:
    section = encode_section(7, 4, 1000, [(b"one", 2, b'["a","b"]'), (b"two", 1, b'["c"]')])
    assert [first_sequence(single) for single in singles(section, after=8)] == [9]


@given(
    st.lists(st.tuples(WHO, st.integers(1, 5)), min_size=1, max_size=5),
    st.integers(1, 12),
    st.integers(0, 20),
)
def test_the_parts_of_a_section_are_its_commands_after_a_sequence_in_their_order(
    groups: list[tuple[bytes, int]], most: int, after: int
) -> None:
    number = iter(range(7, 100))
    section = encode_section(
        7,
        4,
        1000,
        [(who, count, join_commands([b"%d" % next(number) for _ in range(count)])) for who, count in groups],
    )
    found: list[int] = []
    for part in parts_of(section, most, after):
        header = header_of(part)
        assert header.commands <= most
        assert header.previous_sequence == (
            found[-1] if found else 4 if after < 7 else header.first_sequence - 1
        )
        assert header.time_ns == 1000 + header.first_sequence - 7
        commands = [n for _, _, body in groups_of(part) for n in msgspec.json.decode(body)]
        assert commands == [*range(header.first_sequence, header.first_sequence + header.commands)]
        found += commands
    assert found == [n for n in range(7, 7 + sum(count for _, count in groups)) if n > after]


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
