"""Replay: the same code decides the same; changed code shows where it does not."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine import Aggregate, Command, Engine, Event, Stamp, applies, handles
from engine.base.errors import ConfigError
from engine.journal import prune
from engine.testing import InlineEngine, replay
from tests.unit.engine.testing.domain import Account, Deposit, Deposited, Put, Withdraw, Withdrawn, app


def test_the_same_code_decides_the_same_without_foreign_appends(tmp_path: Path) -> None:
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
    handler = app.handlers[Withdraw]

    def stingy(self: Account, command: Withdraw, stamp: Stamp) -> None: ...

    handlers: dict[Any, Any] = app.handlers
    monkeypatch.setitem(handlers, Withdraw, handler._replace(method=stingy, stamped=True))
    (difference,) = replay(tmp_path / "data", app)
    assert (difference.sequence, difference.command, difference.aggregate) == (3, last.id, "a")
    assert difference.stored == [{"type": "account.withdrawn", "amount": 10}]
    assert difference.today is None


def test_an_old_event_is_compared_as_it_is_read_today(tmp_path: Path) -> None:
    with InlineEngine(counter(1), tmp_path / "data") as engine:
        engine.send_many([Count("a", by=1), Count("b", by=2)])
    assert list(replay(tmp_path / "data", counter(2))) == []
    other = Engine("counter", aggregates=counter(2).aggregates)
    other.upcaster("counted", 1, 2)(lambda old: {**old, "twice": 2})
    differences = list(replay(tmp_path / "data", other))
    assert [(one.aggregate, one.stored) for one in differences] == [("b", [{"type": "counted", "by": 2}])]


def test_a_default_of_a_command_that_has_changed_is_seen(tmp_path: Path) -> None:
    def meter(default: int) -> tuple[Engine, type[Any]]:
        class Read(Command, name="meter.read"):
            by: int = default

        class Meter(Aggregate):
            @handles(Read, exists="may")
            def read(self, command: Read) -> Any:
                return counted(by=command.by)

            @applies(counted)
            def _counted(self, event: Event) -> None: ...

        return Engine("meter", aggregates=[Meter]), Read

    counted: Any = next(iter(counter(1).appliers))
    before, read = meter(1)
    with InlineEngine(before, tmp_path / "data") as engine:
        engine.send(read("a"))
    assert list(replay(tmp_path / "data", meter(1)[0])) == []
    (difference,) = replay(tmp_path / "data", meter(2)[0])
    assert (difference.stored, difference.today) == (
        [{"type": "counted", "by": 1}],
        [{"type": "counted", "by": 2}],
    )


class Count(Command, name="count"):
    by: int


def counter(version: int) -> Engine:
    """An application whose event got a field in its version 2."""

    class First(Event, name="counted"):
        by: int

    class Second(Event, name="counted", version=2):
        by: int
        twice: int

    event = First if version == 1 else Second

    class Counter(Aggregate):
        @handles(Count, exists="may")
        def count(self, command: Count) -> Event:
            return First(by=command.by) if version == 1 else Second(by=command.by, twice=2 * command.by)

        @applies(event)
        def _counted(self, event: Event) -> None: ...

    app = Engine("counter", aggregates=[Counter])
    if version == 2:
        app.upcaster("counted", 1, 2)(lambda old: {**old, "twice": 2 * old["by"]})
    return app


def test_what_was_appended_from_outside_counts_in_the_replay_too(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data", partitions=2) as engine:
        engine.send_many(Deposit(name, amount=10) for name in "abcd")
        engine.append_foreign("a", [Deposited(5)])
        engine.send_many([Withdraw("a", amount=12), Withdraw("b", amount=12), Deposit("b", amount=0)])
    again = list(replay(tmp_path / "data", app))
    assert again == [], "the withdrawal was covered by money that no command deposited"


def test_a_command_that_was_refused_because_of_it_is_refused_in_the_replay_too(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data") as engine:
        engine.send(Deposit("a", amount=10))
        engine.append_foreign("a", [Withdrawn(10)])
        assert engine.send(Withdraw("a", amount=10)).code == "too-little"
        assert engine.send(Deposit("a", amount=1)).outcome == "committed"
    assert list(replay(tmp_path / "data", app)) == []


def test_a_command_that_was_stored_from_outside_is_a_duplicate_in_the_replay_too(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data") as engine:
        first = Deposit("a", amount=10)
        engine.append_foreign("a", [Deposited(10)], command=first.id)
        assert engine.send(first).version == 1
        engine.send_many([Deposit("a", amount=1), first, Withdraw("a", amount=11)])
    assert list(replay(tmp_path / "data", app)) == []


def test_an_aggregate_that_left_memory_is_no_stranger_to_the_replay(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data") as engine:
        engine.send(Put("b", what="egg"))
        engine.time_passes(minutes=1)
        engine.send(Put("other", what="egg"))
        assert "b" not in engine._pipeline.lanes[0].partition.aggregates
        assert engine.send(Put("b", what="ham")).version == 2
    assert list(replay(tmp_path / "data", app)) == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happened_the_same_code_decides_the_same(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    sent: list[Command] = []
    with InlineEngine(app, tmp_path / "data", partitions=2) as engine:
        for _ in range(30):
            match draw.randrange(8):
                case 0:
                    engine.append_foreign(draw.choice("ab"), [Deposited(draw.randint(-5, 8))])
                case 1:
                    engine.restart(kill=True)
                case 2:
                    engine.send_many(draw.sample(sent, min(3, len(sent))))
                case _:
                    kind = draw.choice([Deposit, Withdraw])
                    some: list[Command] = [kind(draw.choice("ab"), amount=draw.randint(0, 6)) for _ in "1234"]
                    sent += some
                    engine.send_many(some)
    assert list(replay(tmp_path / "data", app)) == []


def test_a_journal_without_its_beginning_cannot_be_replayed(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data") as engine:
        for _ in range(8):
            engine.send(Put("b", what="x" * 200_000))
    assert prune(tmp_path / "data" / "journal", 8, [8]), "no segment was full"
    with pytest.raises(ConfigError, match="no longer has its beginning"):
        list(replay(tmp_path / "data", app))
