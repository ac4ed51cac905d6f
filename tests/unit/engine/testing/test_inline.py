"""The inline engine: a node without processes, and the same node after a restart."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import EventLog, QueryRefused
from engine.base.errors import ConfigError, Locked
from engine.base.lock import is_held
from engine.testing import HandlerKeepsFailing, InlineEngine
from engine.testing.clock import Clock
from tests.unit.engine.testing.domain import Cheat, Deposit, Last, Remind, Withdraw, app

Make = Callable[..., InlineEngine]


def balance(engine: InlineEngine, account: str) -> Any:
    return engine.query("balances", "balance", {"account": account})


def test_commands_are_answered_and_views_follow(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app, partitions=4)
    receipts = engine.send_many(Deposit(f"account-{n % 7}", amount=1) for n in range(100))
    assert all(receipt.outcome == "committed" for receipt in receipts)
    assert sum(balance(engine, f"account-{n}") for n in range(7)) == 100
    assert engine.send(Withdraw("account-1", amount=99)).code == "too-little"


def test_a_command_sent_again_has_one_effect_also_after_a_restart(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app)
    command, no = Deposit("a", amount=5), Withdraw("nobody", amount=1)
    first = [engine.send(command), engine.send(no)]
    engine.restart(kill=True)
    assert [engine.send(command), engine.send(no)] == first
    assert balance(engine, "a") == 5


def test_timers_wait_for_the_clock_and_survive_a_restart(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app)
    engine.send(Deposit("a", amount=5))
    engine.send(Withdraw("a", amount=5))
    engine.settle()
    assert reminded(engine) == ["now"]
    engine.restart(kill=True)
    engine.time_passes(minutes=29)
    assert reminded(engine) == ["now"]
    engine.time_passes(minutes=2)
    engine.restart()
    engine.time_passes(minutes=60)
    assert reminded(engine) == ["now", "late"]


@pytest.mark.parametrize("seed", range(3))
def test_records_may_come_in_any_order_or_not_at_all(ringfold_inline: Make, seed: int) -> None:
    engine, draw = ringfold_inline(app), random.Random(seed)

    def disturb(records: list[Any]) -> None:
        draw.shuffle(records)
        del records[len(records) // 2 :]

    engine.shuffle = disturb
    for n in range(20):
        engine.submit(Deposit("a", amount=n))
        engine.send(Deposit("b", amount=n))
    engine.settle()
    assert (balance(engine, "a"), balance(engine, "b")) == (190, 190)


def test_what_the_engine_wrote_is_read_by_every_other_program(ringfold_inline: Make, tmp_path: Path) -> None:
    engine = ringfold_inline(app, data=tmp_path / "data")
    engine.send_many(Deposit("a", amount=n) for n in (1, 2))
    with EventLog(engine.data) as log:
        assert [entry.commit.version for entry in log.aggregate("a")] == [1, 2]


def test_an_engine_that_never_comes_to_rest_says_so(
    ringfold_inline: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ringfold_inline(app)
    monkeypatch.setattr(engine, "turn", lambda: True)
    with pytest.raises(Exception, match="it does not settle"):
        engine.settle()


def test_it_may_be_closed_again(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app)
    engine.close()
    engine.close()
    assert not engine.data.exists()


def test_a_data_directory_that_is_in_use_is_refused(ringfold_inline: Make, tmp_path: Path) -> None:
    engine = ringfold_inline(app, data=tmp_path)
    with pytest.raises(Locked, match="another node uses the data directory"):
        ringfold_inline(app, data=tmp_path)
    engine.close()
    ringfold_inline(app, data=tmp_path)


def test_one_that_cannot_begin_leaves_the_data_directory_free(ringfold_inline: Make, tmp_path: Path) -> None:
    ringfold_inline(app, data=tmp_path, partitions=2).close()
    with pytest.raises(ConfigError, match="partitions cannot be changed"):
        ringfold_inline(app, data=tmp_path, partitions=3)
    assert not is_held(tmp_path / "lock")


def test_many_commands_are_decided_in_one_section(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app)
    engine.send_many(Deposit("a", amount=n) for n in range(1, 51))
    reader = engine._pipeline.lanes[0].reader
    assert reader.position() == 50
    assert len([*reader.records()]) == 1


def test_a_query_that_no_view_knows_is_refused_as_on_a_node(ringfold_inline: Make) -> None:
    with pytest.raises(QueryRefused, match="unknown-query"):
        ringfold_inline(app).query("balances", "riches", {})


def test_the_bug_of_a_handler_is_shown_where_a_failing_test_shows_it(
    ringfold_inline: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ringfold_inline(app)
    engine.send(Deposit("a", amount=1))
    assert capsys.readouterr().err == ""
    assert engine.send(Cheat("a", how="raise")).code == "handler-bug"
    shown = capsys.readouterr().err
    assert shown.startswith("the handler of Cheat failed")
    assert "domain.py" in shown


def test_an_answer_is_waited_for_by_working_until_nothing_is_left(ringfold_inline: Make) -> None:
    client = ringfold_inline(app).client()
    client.submit(Deposit("a", amount=500))
    assert client.until("balances", "balance", {"account": "a"}) == 500
    with pytest.raises(TimeoutError, match="nothing is left to do: it answers 500"):
        client.until("balances", "balance", {"account": "a"}, predicate=lambda balance: balance > 500)


def test_a_view_that_is_not_there_is_named_with_those_that_are(ringfold_inline: Make) -> None:
    with pytest.raises(QueryRefused, match="there is no view 'riches'; the node has collector, balances"):
        ringfold_inline(app).query("riches", "positions")


def reminded(engine: InlineEngine) -> list[str]:
    with EventLog(engine.data) as log:
        entries = log.read(types=["account.reminded"])
        return [event["text"] for entry in entries for event in entry.commit.events]


def test_the_client_of_the_inline_engine_waits_as_the_one_of_a_node_does(ringfold_inline: Make) -> None:
    client = ringfold_inline(app).client()
    assert client.send(Remind("a", text="x"), wait="accepted").outcome == "accepted"
    assert client.send(Remind("a", text="x"), wait="projected:balances").version == 2
    ticket = client.submit(Remind("a", text="x"))
    assert client.wait(ticket).version == 3


def test_it_answers_what_the_reader_of_a_node_answers(ringfold_inline: Make) -> None:
    engine = ringfold_inline(app, partitions=2)
    receipts = engine.send_many(Deposit(f"account-{n % 3}", amount=1) for n in range(9))
    page = engine.read("events", limit=4)
    rest = engine.read("events", after=page["after"])
    assert [entry["command"] for entry in page["entries"] + rest["entries"]] == [one.id for one in receipts]
    assert len(engine.read("aggregate", aggregate="account-1")["entries"]) == 3


TIMES = [0, 1, 1_795_656_425_482_637_352, 1 << 62]  # the third one stood still: floats are 256 ns apart there


@pytest.mark.parametrize("start_ns", TIMES)
def test_a_handler_of_a_process_manager_that_keeps_failing_is_named_once(
    ringfold_inline: Make, start_ns: int
) -> None:
    engine = ringfold_inline(app, start_ns=start_ns)
    engine.send_many([Deposit("a", amount=-1), Deposit("b", amount=1)])
    who, error = "process manager collector has set a aside", "ValueError: less than nothing"
    says = rf"^{who}, handling account.deposited: {error} \(deposited, domain.py:\d+\)$"
    with pytest.raises(HandlerKeepsFailing, match=says):
        engine.settle()
    assert engine.now_ns > start_ns, "it was tried again with back-off"
    engine.settle()
    assert balance(engine, "b") == 1, "others are not concerned"


def test_a_handler_of_a_view_that_keeps_failing_is_named_and_the_others_go_on(
    ringfold_inline: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moody(*_: Any) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(Last, "deposited", moody)
    engine = ringfold_inline(app)
    engine.send(Deposit("a", amount=1))
    with pytest.raises(HandlerKeepsFailing, match=r"view last has set a aside.*RuntimeError: not today"):
        engine.settle()
    assert balance(engine, "a") == 1
    (letter,) = engine.query("last", "dead-letters")
    assert (letter["aggregate"], letter["dead"]) == ("a", True)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 1 << 62), st.floats(0, 1e6))
def test_the_clock_shows_what_is_due_once_it_has_gone_there(now_ns: int, later_s: float) -> None:
    clock = Clock(now_ns)
    due = clock.now() + later_s
    clock.go_on(due)
    assert clock.now() >= due
    assert clock.now_ns >= now_ns


STOPS = """
from engine import Aggregate, Command, Engine, Event, Projection, Table, applies, handles, on, query
from engine.testing import InlineEngine

class Open(Command, name="box.open"):
    number: int

class Opened(Event, name="box.opened"):
    number: int

class Box(Aggregate):
    @handles(Open, exists="may")
    def open(self, command: Open) -> Opened:
        breakpoint()
        return Opened(command.number)

    @applies(Opened)
    def _opened(self, event: Opened) -> None: ...

class Boxes(Projection, name="boxes"):
    @on(Opened)
    def opened(self, event: Opened, view: Table[int]) -> None:
        breakpoint()
        view["last"] = event.number

    @query
    def last(self, view: Table[int]) -> int:
        breakpoint()
        return view["last"]

with InlineEngine(Engine("boxes", aggregates=[Box], projections=[Boxes])) as engine:
    receipt = engine.send(Open("a", number=7))
    print("answer", engine.query(Boxes.last, at_least=receipt))
"""


def test_a_debugger_stops_in_handlers_and_reads_what_is_typed(tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    typed = "p 'command', command.number\nc\np 'event', event.number\nc\np 'view', view['last']\nc\n"
    ended = subprocess.run(
        [sys.executable, tmp_path / "stops.py"], input=typed, capture_output=True, text=True, timeout=60
    )
    for seen in ("('command', 7)", "('event', 7)", "('view', 7)", "answer 7"):
        assert seen in ended.stdout, ended.stdout + ended.stderr
