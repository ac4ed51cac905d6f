"""The place of a store in the log of decisions: what may follow it, and what may not."""

from collections.abc import Callable

import pytest

from engine.base.errors import CorruptData
from engine.store.place import Place, decode_place
from engine.wire.replicated import Decision, digest_of
from tests.unit.engine.wire.test_replicated import CODE, batch

HERE = Place(4, 2, 8, 8, 50, bytes(range(1, 17)))


def next_one() -> Decision:
    return Decision(3, 10, 9, 60, CODE, HERE.digest, [batch(9)])


def test_a_store_that_never_followed_is_at_the_beginning() -> None:
    assert decode_place(None) == Place()
    assert decode_place(HERE.encode()) == HERE


def test_what_follows_moves_the_place() -> None:
    body = next_one().encode()
    place, found = HERE.after(5, body)
    assert place == Place(5, 3, 10, 9, 60, digest_of(body))
    assert found.batches == [batch(9)._replace(log=found.batches[0].log, keys=found.batches[0].keys)]


@pytest.mark.parametrize("sequence", [4, 6, 1])
def test_a_gap_is_named_and_never_skipped(sequence: int) -> None:
    with pytest.raises(CorruptData, match="missing"):
        HERE.after(sequence, next_one().encode())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d._replace(before=bytes(16)), "chain"),
        (lambda d: d._replace(batches=[batch(10)], sequence=10), "does not follow"),
        (lambda d: d._replace(batches=[batch(8)], sequence=8), "does not follow"),
        (lambda d: d._replace(sequence=10), "contradicts"),
        (lambda d: d._replace(message=1), "contradicts"),
        (lambda d: d._replace(time_ns=49), "contradicts"),
    ],
)
def test_what_does_not_follow_is_refused(change: Callable[[Decision], Decision], says: str) -> None:
    with pytest.raises(CorruptData, match=says):
        HERE.after(5, change(next_one()).encode())
