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
from tests.acceptance.kit import ringfold


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


class HalvedBefore(Event, name="fitting.halved"):
    """As it was before anybody thought of whole numbers."""

    n: float


class HalvedNow(Event, name="fitting.halved", version=2):
    n: int


class Mended(Aggregate):
    n = 8

    @handles(Halve, exists="may")
    def halve(self, command: Halve) -> HalvedNow:
        return HalvedNow(self.n // command.by)

    @applies(HalvedNow)
    def _halved(self, event: HalvedNow) -> None:
        self.n = event.n


app = Engine("fitting", aggregates=[Number], projections=[Numbers])
mended = Engine("fitting", aggregates=[Mended])
mended.upcaster("fitting.halved", 1, 2)(lambda stored: {"n": int(stored["n"])})


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


def test_a_store_that_holds_such_an_event_is_told_by_check_and_mended_by_an_upcaster(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Node(data, app=f"{__name__}:app") as node, Client(node.endpoints) as client:
        client.send_many([Halve("a", by=1), Halve("b", by=1)])
    append_foreign(data, "b", [HalvedBefore(3.5)])
    done = ringfold("check", "--data", str(data), "--app", f"{__name__}:app")
    assert done.returncode == 4
    assert "1 of them from partition 0 position 3 on (b): a stored event does not fit" in done.stdout
    assert "Expected `int`, got `float` - at `$.n`" in done.stdout
    assert "mended by an upcaster: give the class the next version" in done.stderr
    assert ringfold("check", "--data", str(data), "--app", f"{__name__}:mended").returncode == 0
    with Node(data, app=f"{__name__}:mended") as node, Client(node.endpoints) as client:
        assert client.send(Halve("b", by=1)).version == 3
