"""Values that do not fit their class fail their own command, and a node that met them starts again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    Engine,
    Event,
    Node,
    Projection,
    Table,
    append_foreign,
    applies,
    handles,
    on,
    query,
)
from engine.base.errors import ConfigError


class Halve(Command, name="fitting.halve"):
    by: int


class Halved(Event, name="fitting.halved"):
    n: int


class Number(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.n = 8

    @handles(Halve, exists="may")
    def halve(self, command: Halve) -> Halved:
        n: Any = self.n / command.by if self.n % command.by else self.n // command.by  # the bug of a beginner
        return Halved(n)

    @applies(Halved)
    def _halved(self, event: Halved) -> None:
        self.n = event.n


class Row(msgspec.Struct):
    n: int


class Numbers(Projection, name="numbers"):
    @on(Halved)
    def halved(self, event: Halved, commit: Commit, rows: Table[Row]) -> None:
        rows[commit.aggregate] = Row(event.n)

    @query
    def number(self, rows: Table[Row], id: str) -> Row | None:
        return rows.get(id)


app = Engine("fitting", aggregates=[Number], projections=[Numbers])


def test_an_event_that_does_not_fit_fails_its_command_alone_now_and_after_a_restart(tmp_path: Path) -> None:
    culprit = Halve("a", by=3)
    commands = [Halve("b", by=1), culprit, Halve("c", by=2)]
    for _ in range(2):  # the second time they are duplicates
        with Node(tmp_path / "data", app=f"{__name__}:app") as node, Client(node.endpoints) as client:
            receipts = client.send_many(commands)
            assert [receipt.outcome for receipt in receipts] == ["committed", "failed", "committed"]
            assert receipts[1].code == "handler-bug"
            assert receipts[1].message == (
                "Number.halve returned Halved, which does not fit its class: n: Expected `int`, got `float`"
            )
            wrong: Any = 7 / 2
            with pytest.raises(ConfigError, match=r"event=Halved, field=n: Expected `int`, got `float`"):
                append_foreign(node.data, "b", [Halved(wrong)])
            assert client.query(Numbers.number, id="c", at_least=receipts[2]) == Row(4)
