"""The messages of the two logs of a cluster's partition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import CorruptData
from engine.base.identity import uuid7_hex
from engine.model.commit import Commit
from engine.wire.batches import Batch
from engine.wire.replicated import (
    NO_DIGEST,
    Decision,
    Origin,
    bare,
    decode_commands,
    decode_decision,
    decode_origin,
    digest_of,
    encode_commands,
)
from tests.unit.engine.store.batches import batch_of

CODE = bytes(range(16))
one_group = st.tuples(st.binary(max_size=40), st.integers(0, 1_000), st.binary(max_size=200))
groups = st.lists(one_group, max_size=4)


def batch(sequence: int = 1) -> Batch:
    commit = Commit("a", sequence, uuid7_hex(), sequence, 10 + sequence, [{"type": "opened"}])
    return batch_of([commit], first_position=sequence, last_sequence=sequence)


def decision(*batches: Batch) -> Decision:
    return Decision(3, 9, batches[-1].last_sequence, 77, CODE, NO_DIGEST, list(batches))


@given(st.text(max_size=20), groups)
def test_a_message_of_commands_says_which_gate_took_them(
    gate: str, some: list[tuple[bytes, int, bytes]]
) -> None:
    assert decode_commands(encode_commands(gate, some)) == (gate, some)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.text(max_size=40), st.binary(max_size=255))
def test_an_origin_travels_in_place_of_the_client(message: int, last: int, gate: str, client: bytes) -> None:
    origin = Origin(message, last, gate, client)
    assert decode_origin(origin.encode()) == origin


def test_a_decision_has_its_batches_without_what_only_its_node_needs() -> None:
    told, second = batch()._replace(replies=b"answers", duplicates=b"more", epoch=7), batch(2)
    found = decode_decision(decision(told, second).encode())
    assert found == decision(bare(told), second)
    assert (found.batches[0].replies, found.batches[0].duplicates, found.batches[0].epoch) == (b"", b"", 0)


@pytest.mark.parametrize("cut", [1, 40, 79, 83, 120, -1])
def test_a_decision_that_was_cut_is_corrupt(cut: int) -> None:
    with pytest.raises(CorruptData):
        decode_decision(decision(batch()).encode()[:cut])


@pytest.mark.parametrize("message", [b"", b"\x09", b"\x02\x00\xff\xff"])
def test_a_message_of_commands_that_cannot_be_read_is_corrupt(message: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_commands(message)


def test_the_digest_of_a_message_depends_on_each_of_its_bits() -> None:
    body = decision(batch()).encode()
    flipped = {digest_of(body[:k] + bytes([body[k] ^ 1]) + body[k + 1 :]) for k in range(len(body))}
    assert len(flipped | {digest_of(body)}) == len(body) + 1
