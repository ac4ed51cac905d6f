"""What stores know of a command: its commit or its refusal, and what it led to, over partitions."""

from collections.abc import Callable
from typing import Any

from engine.base.identity import uuid7_hex
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
