"""Replay: the same code decides the same; changed code shows where it does not."""

from pathlib import Path
from typing import Any

import pytest

from engine import Stamp
from engine.testing import InlineEngine, replay
from tests.unit.engine.testing.domain import Account, Deposit, Deposited, Withdraw, app


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with InlineEngine(app, tmp_path / "data", partitions=2) as engine:
        engine.send_many(Deposit(name, amount=10) for name in "abcd")
        engine.append_foreign("a", [Deposited(5)])
        engine.send_many([Withdraw("a", amount=12), Withdraw("b", amount=12), Deposit("b", amount=0)])
    return tmp_path / "data"


def test_the_same_code_decides_the_same_where_nobody_else_appended(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data", partitions=2) as engine:
        engine.send_many(Deposit(name, amount=10) for name in "abcd")
        engine.send_many([Withdraw("a", amount=2), Withdraw("b", amount=12), Deposit("b", amount=0)])
    assert list(replay(tmp_path / "data", app)) == []


def test_changed_code_shows_what_it_would_have_decided_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with InlineEngine(app, tmp_path / "data") as engine:
        engine.send_many([Deposit("a", amount=10), Deposit("b", amount=10)])
        last = Withdraw("a", amount=10)
        engine.send(last)
    *_, exists = app.handlers[Withdraw]

    def stingy(self: Account, command: Withdraw, stamp: Stamp) -> None: ...

    handlers: dict[Any, Any] = app.handlers
    monkeypatch.setitem(handlers, Withdraw, (Account, stingy, exists))
    (difference,) = replay(tmp_path / "data", app)
    assert (difference.sequence, difference.command, difference.aggregate) == (3, last.id, "a")
    assert difference.stored == [{"type": "account.withdrawn", "amount": 10}]
    assert difference.today is None


def test_what_somebody_else_appended_counts_in_the_replay_too(data: Path) -> None:
    assert list(replay(data, app)) == [], "the withdrawal was covered by money that no command deposited"
