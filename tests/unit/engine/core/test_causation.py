"""Correlation and causation: what a command says of where it comes from stands wherever it is kept."""

from typing import Any

import msgspec
import pytest

from engine import Command
from engine.base.identity import uuid7_hex
from engine.wire.batches import CHILD_BYTES, Batch, encode_child, split_part
from engine.wire.log import record_decoder
from tests.unit.engine.core.test_partition import Bank, Deposit, Read, Stumble, Withdraw, app, bank

__all__ = ["bank"]
ROOT, PARENT = uuid7_hex(), uuid7_hex()
BOTH: Any = {"correlation": ROOT, "causation": PARENT}


def entry(batch: Batch) -> list[Any]:
    """The only commit of a batch, as it is stored."""
    _, (stored,) = msgspec.json.decode(batch.log)
    return list(stored)


def test_a_commit_ends_with_both(bank: Bank) -> None:
    bank.run(Deposit("a", amount=5, **BOTH))
    assert entry(bank.batches[-1])[6:] == [None, ROOT, PARENT]
    (commit,) = record_decoder(app).decode(bank.batches[-1].log)[1]
    assert (commit.correlation, commit.causation) == (ROOT, PARENT)


def test_a_commit_without_them_ends_with_its_result(bank: Bank) -> None:
    bank.run(Deposit("a", amount=5))
    assert len(entry(bank.batches[-1])) == 7
    (commit,) = record_decoder(app).decode(bank.batches[-1].log)[1]
    assert (commit.correlation, commit.causation) == (None, None)


def test_a_correlation_alone_makes_no_child(bank: Bank) -> None:
    bank.run(Deposit("a", amount=5, correlation=ROOT))
    assert entry(bank.batches[-1])[6:] == [None, ROOT]
    assert bank.batches[-1].children == b""


def test_a_causation_alone_leaves_the_place_of_the_correlation_empty(bank: Bank) -> None:
    bank.run(Deposit("a", amount=5, causation=PARENT))
    assert entry(bank.batches[-1])[6:] == [None, None, PARENT]


def test_children_are_told_with_their_positions_among_others(bank: Bank) -> None:
    traced, refused = Deposit("a", amount=5, **BOTH), Withdraw("a", amount=10_000, causation=PARENT)
    bank.run(Deposit("a", amount=1), refused, traced, Deposit("a", amount=1))
    children = split_part(bank.batches[-1].children, CHILD_BYTES)
    assert children == [encode_child(PARENT, refused.id, 0), encode_child(PARENT, traced.id, 4)]
    assert bank.process((b"me", [traced])) == {}, "it is a duplicate, which the store answers"
    assert bank.batches[-1].children == b""


@pytest.mark.parametrize(
    "command",
    [
        Read("a", **BOTH),
        Withdraw("a", amount=10_000, **BOTH),
        Withdraw("a", amount=-1, **BOTH),
        Withdraw("b", amount=1, **BOTH),
        Deposit("a", amount=1, expected_version=9, **BOTH),
        Stumble("a", how="raise", **BOTH),
    ],
)
def test_an_outcome_without_a_commit_keeps_both(bank: Bank, command: Command) -> None:
    (answer,) = bank.run(command)
    assert (answer["correlation"], answer["causation"]) == (ROOT, PARENT)
    assert bank.batches[-1].outcomes == msgspec.json.encode([answer])
    assert bank.batches[-1].children == encode_child(PARENT, command.id, 0)


def test_a_command_that_is_set_aside_keeps_both(bank: Bank) -> None:
    command = Stumble("a", how="apply", **BOTH)
    section = bank.section((b"me", [command]))
    (batch,) = bank.core.batches(section)
    (answer,) = msgspec.json.decode(batch.outcomes)
    assert (answer["code"], answer["correlation"], answer["causation"]) == ("handler-bug", ROOT, PARENT)
    assert batch.children == encode_child(PARENT, command.id, 0)


@pytest.mark.parametrize("id", ["", "x" * 32, "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", 7])
@pytest.mark.parametrize("field", ["correlation", "causation"])
def test_what_is_no_id_is_malformed(bank: Bank, field: str, id: Any) -> None:
    command = msgspec.to_builtins(Deposit("a", amount=1)) | {field: id}
    (answer,) = bank.run(msgspec.json.encode(command))
    assert (answer["outcome"], answer["code"]) == ("failed", "malformed")


def test_answers_of_a_traced_commit_are_as_of_any(bank: Bank) -> None:
    first, second = Deposit("a", amount=1, **BOTH), Deposit("a", amount=1)
    told = bank.run(first, second)
    assert [(one["id"], one["version"], one["position"]) for one in told] == [
        (first.id, 3, 3),
        (second.id, 4, 4),
    ]
    assert all("causation" not in one for one in told)


def test_loading_such_commits_gives_the_same_state(bank: Bank) -> None:
    bank.run(Deposit("a", amount=5, **BOTH))
    again = Bank()
    for batch in bank.batches:
        again.core.load(*record_decoder(app).decode(batch.log))
    assert again.balance() == bank.balance() == 105
