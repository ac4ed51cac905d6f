"""Batches and their parts: what goes in comes out."""

from hypothesis import given
from hypothesis import strategies as st

from engine.model.aggregates import Aggregate
from engine.wire.batches import (
    HEAD_BYTES,
    KEY_BYTES,
    Batch,
    decode_batch,
    decode_duplicates,
    decode_replies,
    encode_batch,
    encode_duplicates,
    encode_heads,
    encode_keys,
    encode_reply,
    split_part,
)

U32, U64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
WHO = st.binary(min_size=1, max_size=255)
PART = st.binary(max_size=40)
BATCHES = st.builds(Batch, U64, U64, U64, U32, *[PART] * 6, epoch=U32, children=PART, time_ns=U64)


@given(BATCHES)
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    assert decode_batch(encode_batch(batch)) == batch


@given(st.lists(st.tuples(WHO, U32, st.binary(max_size=60)), max_size=6))
def test_replies_come_back_in_their_order(replies: list[tuple[bytes, int, bytes]]) -> None:
    assert list(decode_replies(b"".join(encode_reply(*reply) for reply in replies))) == replies


@given(st.lists(st.tuples(WHO, st.text("0123456789abcdef", min_size=32, max_size=32)), max_size=4))
def test_duplicates_come_back_in_their_order(duplicates: list[tuple[bytes, str]]) -> None:
    assert decode_duplicates(encode_duplicates(duplicates)) == duplicates


def test_a_batch_without_duplicates_has_an_empty_part_for_them() -> None:
    assert encode_duplicates([]) == b""


def test_keys_and_heads_are_taken_apart_again() -> None:
    ids, aggregates = [f"{n:032x}" for n in (1, 2)], [Aggregate("a"), Aggregate("b")]
    for n, aggregate in enumerate(aggregates):
        aggregate.engine_key, aggregate.engine_version = f"{n:032x}", 7 + n
    keys = encode_keys([ids[0], aggregates[0].engine_key, ids[1], aggregates[1].engine_key])
    one, two = split_part(keys, KEY_BYTES)
    assert (one, two) == (bytes(15) + b"\1" + bytes(16), bytes(15) + b"\2" + bytes(15) + b"\1")
    heads = encode_heads(aggregates)
    assert split_part(heads, HEAD_BYTES) == [bytes(23) + b"\7", bytes(15) + b"\1" + bytes(7) + b"\x08"]


def test_the_last_position_of_a_batch_is_that_of_its_last_commit() -> None:
    empty = Batch(1, 1, 5, 0, b"", b"", b"", b"", b"", b"")
    assert empty.last_position == 4
    assert empty._replace(commits=3).last_position == 7
