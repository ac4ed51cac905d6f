"""What stores know of a command: its commit or its refusal, and what it led to, over partitions."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.base.identity import uuid7_hex
from engine.reading import questions
from engine.testing import InlineEngine
from tests.unit.engine.testing.domain import Deposit, Withdraw, app

Make = Callable[..., InlineEngine]


def test_a_chain_over_partitions_is_found_from_any_of_its_commands(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app, partitions=4)
    first = Deposit("account-0", amount=7)
    seconds = [Deposit(f"account-{n}", amount=n, causation=first.id) for n in range(1, 6)]
    refused = Withdraw("account-1", amount=99, causation=seconds[0].id, correlation=first.id)
    for command in (first, *seconds, refused, Deposit("elsewhere", amount=1)):
        engine.send(command)
    traces = [engine.read("trace", command=command.id) for command in (first, *seconds, refused)]
    root = traces[0]["root"]
    assert [one["root"] for one in traces] == [root] * 7
    assert [one["asked"] for one in traces] == [one.id for one in (first, *seconds, refused)]
    assert (root["command"], root["aggregate"], root["version"]) == (first.id, "account-0", 1)
    assert (root["events"][0]["amount"], "causation" in root) == (7, False)
    assert [link["command"] for link in root["led_to"]] == [one.id for one in seconds]
    assert {link["causation"] for link in root["led_to"]} == {first.id}
    (no,) = root["led_to"][0]["led_to"]
    assert (no["command"], no["outcome"], no["code"]) == (refused.id, "rejected", "too-little")
    assert no["correlation"] == first.id


def test_what_led_to_a_command_may_never_have_been_here(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app)
    stranger = uuid7_hex()
    command = Deposit("account-0", amount=7, causation=stranger)
    engine.send(command)
    found: Any = engine.read("trace", command=stranger)
    assert (found["root"]["command"], found["root"]["outcome"]) == (stranger, "not-kept")
    assert [link["command"] for link in found["root"]["led_to"]] == [command.id]
    assert engine.read("trace", command=uuid7_hex()) is None


def test_a_way_up_that_takes_too_many_searches_is_cut(
    ringfold_inline: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_SEARCHES", 3)
    engine = ringfold_inline(app)
    refused = [Withdraw("account-1", amount=99)]  # what was refused is found by a search alone
    for _ in range(5):
        refused.append(Withdraw("account-1", amount=99, causation=refused[-1].id))
    for command in refused:
        engine.send(command)
    whole, part = (engine.read("trace", command=refused[n].id) for n in (2, 5))
    assert (whole["cut"], whole["root"]["command"]) == (False, refused[0].id)
    assert (part["cut"], part["root"]["command"]) == (True, refused[2].id)
    assert part["root"]["outcome"] == "not-kept"


def test_a_trace_is_bounded_in_bytes(ringfold_inline: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_TRACED", 1_000)
    engine = ringfold_inline(app)
    first = Deposit("account-0", amount=7)
    for command in (first, *(Deposit("account-1", amount=1, causation=first.id) for _ in range(100))):
        engine.send(command)
    tree = engine.read("trace", command=first.id)
    assert tree["cut"]
    assert 3 < len(tree["root"]["led_to"]) < 40
    assert [link["version"] for link in tree["root"]["led_to"]][:3] == [1, 2, 3]


def test_the_first_commands_that_one_led_to_are_those_over_all_partitions(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app, partitions=4)
    first = Deposit("account-0", amount=7)
    seconds = [Deposit(f"account-{n}", amount=n, causation=first.id) for n in range(1, 1_101)]
    for command in (first, *seconds):
        engine.send(command)
    tree = engine.read("trace", command=first.id)
    assert [link["command"] for link in tree["root"]["led_to"]] == [one.id for one in seconds[:999]]
    assert tree["root"]["cut"]
