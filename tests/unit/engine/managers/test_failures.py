"""Handlers that fail: nothing of their step is left, and everything else goes on."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine import Command, Commit, ProcessManager, Send, Table, on
from engine.base.errors import ConfigError
from engine.base.instants import EPOCH
from engine.follow.questions import Refused
from tests.unit.engine.managers.relay import (
    Posted,
    PostParcel,
    Put,
    PutIn,
    Relay,
    Returned,
    ReturnParcel,
    create,
    effects,
)
from tests.unit.engine.managers.world import SECOND_NS, ask, wait, world

SECOND = timedelta(seconds=1)


class Nobodys(Command, name="nobody.handles"): ...


class Unwired(Command):
    pass


class EventsFail(Relay):
    """The relay, whose last handler of `Posted` may fail."""

    at: set[str] = set()  # noqa: RUF012

    @on(Posted, priority=9)
    def too_late(self, event: Posted, commit: Commit, send: Send, state: Table) -> None:
        if commit.aggregate in self.at:
            send(Put("spoilt", parcel=commit.aggregate))
            send.at(EPOCH, Put("spoilt", parcel=commit.aggregate), key="x")
            state["spoilt"] = commit.aggregate
            raise ValueError(f"no luck with {commit.aggregate}")


class Copier(ProcessManager):
    """Puts into one box what is put into another."""

    fails = False

    @on(PutIn)
    def put_in(self, event: PutIn, commit: Commit, send: Send) -> None:
        if self.fails:
            raise ValueError("no luck")
        if commit.aggregate == "original":
            send(Put("copy", parcel=event.parcel))


@pytest.fixture(autouse=True)
def _no_trouble() -> None:
    EventsFail.at = set()


def test_what_was_held_is_taken_in_parts_if_it_orders_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.managers.manager.MOST_WAITING", 3)
    with world(create({}, Copier), tmp_path) as (node, life):
        Copier.fails = True
        for _ in range(20):
            node.post(Put("original", parcel="p"))
        wait(life)
        Copier.fails = False
        assert not life.manager.outbox
        life.fold.retry("original")
        longest = len(life.manager.outbox)
        (letter,) = life.fold.dead_letters
        assert (letter.version, letter.attempts, letter.dead) == (5, 0, False)
        life.again()
        while life.turn():
            longest = max(longest, len(life.manager.outbox))
        assert longest == 4
        assert [commit.version for commit in node.commits() if commit.aggregate == "copy"][-1] == 20
        assert not life.fold.dead_letters


def test_an_event_that_fails_leaves_nothing_and_becomes_a_dead_letter(tmp_path: Path) -> None:
    with world(create({}, EventsFail), tmp_path) as (node, life):
        EventsFail.at = {"p1"}
        node.post(PostParcel("p1", box="a"), PostParcel("p2", box="a"))
        wait(life)
        assert effects(node.commits()) == {("box.put-in", "p2"): 1}
        assert dict(life.manager.state) == {}
        assert len(life.manager.timers) == 0
        (letter,) = ask(life, "dead-letters")
        assert (letter["aggregate"], letter["dead"]) == ("p1", True)
        life.again()
        wait(life)
        assert len(ask(life, "dead-letters")) == 1, "it outlives a restart"
        EventsFail.at = set()
        assert ask(life, "dead-letter-retry", aggregate="p1") == []
        life.settle()
        assert effects(node.commits()) == {("box.put-in", "p1"): 1, ("box.put-in", "p2"): 1}


def test_a_retry_after_a_death_in_the_midst_of_it_sends_once(tmp_path: Path) -> None:
    with world(create({}, EventsFail), tmp_path) as (node, life):
        EventsFail.at = {"p1"}
        node.post(PostParcel("p1", box="a", remind_ns=SECOND_NS))
        wait(life)
        EventsFail.at = set()
        ask(life, "dead-letter-retry")
        life.again()  # saved by the retry itself, and not sent yet
        life.settle()
        node.now_ns += 2 * SECOND_NS
        life.settle()
        assert effects(node.commits()) == {("box.put-in", "p1"): 1, ("box.reminded", "p1"): 1}


def test_a_dropped_event_sends_nothing(tmp_path: Path) -> None:
    with world(create({}, EventsFail), tmp_path) as (node, life):
        EventsFail.at = {"p1"}
        node.post(PostParcel("p1", box="a"))
        wait(life)
        assert ask(life, "dead-letter-drop", aggregate="p1") == []
        wait(life)
        assert effects(node.commits()) == {}
        with pytest.raises(Refused, match="nothing of p1"):
            ask(life, "dead-letter-drop", aggregate="p1")


BAD: list[tuple[str, Callable[[Send, Commit], None]]] = [
    ("no aggregate handles Nobodys", lambda send, commit: send(Nobodys("a"))),
    ("no aggregate handles Unwired", lambda send, commit: send(Unwired("a"))),
    ("Object missing required field|Expected", lambda send, commit: send(Put("a", parcel=7))),  # type: ignore[arg-type]
    ("200 bytes, this one has 201", lambda send, commit: send(Put("a" * 201, parcel="p"))),
    ("may not be empty", lambda send, commit: send(Put("", parcel="p"))),
    ("bytes", lambda send, commit: send(Put("a", parcel="p" * (1 << 20)))),
    ("takes a datetime", lambda send, commit: send.at(1e18, Put("a", parcel="p"))),  # type: ignore[arg-type]
    ("no time zone", lambda send, commit: send.at(datetime(2026, 1, 1), Put("a", parcel="p"))),
    ("between 1970 and 2262", lambda send, commit: send.at(EPOCH - SECOND, Put("a", parcel="p"))),
    ("takes a timedelta", lambda send, commit: send.after(30, Put("a", parcel="p"))),  # type: ignore[arg-type]
    ("between 1970 and 2262", lambda send, commit: send.after(-SECOND * 1e11, Put("a", parcel="p"))),
    ("a text", lambda send, commit: send.at(EPOCH, Put("a", parcel="p"), key=7)),  # type: ignore[arg-type]
    ("surrogates", lambda send, commit: send.at(EPOCH, Put("a", parcel="p"), key="\ud800")),
    ("surrogates", lambda send, commit: send(Put("a", parcel="\ud800"))),
    ("200 bytes, this one has 201", lambda send, commit: send(Put("票" * 67, parcel="p"))),
    ("dataclass|Struct|replace", lambda send, commit: send("a.put")),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("message", "wrong"), BAD, ids=[str(k) for k in range(len(BAD))])
def test_what_could_never_arrive_is_an_error_of_its_handler(
    tmp_path: Path, message: str, wrong: Callable[[Send, Commit], None]
) -> None:
    class Wrong(ProcessManager):
        @on(Posted)
        def posted(self, event: Posted, commit: Commit, send: Send) -> None:
            wrong(send, commit)

    with world(create({}, Wrong), tmp_path) as (node, life):
        node.post(PostParcel("p1", box="a"))
        wait(life)
        (letter,) = ask(life, "dead-letters")
        assert letter["dead"]
        assert re.search(message, letter["error"]), letter["error"]
        assert len(node.taken) == 1


def test_send_is_good_only_while_its_handler_runs(tmp_path: Path) -> None:
    kept: list[Send] = []

    class Keeping(ProcessManager):
        @on(Posted)
        def posted(self, event: Posted, send: Send) -> None:
            kept.append(send)

    with world(create({}, Keeping), tmp_path) as (node, life):
        node.post(PostParcel("p1", box="a"))
        life.settle()
        with pytest.raises(RuntimeError):
            kept[0](Put("a", parcel="p"))


def test_a_failure_without_a_handler_is_logged_and_a_rejection_is_not(tmp_path: Path) -> None:
    class Deaf(ProcessManager):
        @on(Posted)
        def posted(self, event: Posted, commit: Commit, send: Send) -> None:
            send(Put(event.box, parcel=commit.aggregate))
            send(ReturnParcel("unknown", reason=""))

    with world(create({}, Deaf), tmp_path) as (node, life):
        node.post(PostParcel("p1", box="full"))
        life.settle()
        (said,) = life.said
        assert said.startswith("ReturnParcel failed, and no handler has it (aggregate=unknown")
        assert len(life.manager.outbox) == 0


def test_a_command_that_was_renamed_while_it_waited_stops_the_start_with_one_line(tmp_path: Path) -> None:
    app = create({})
    with world(app, tmp_path) as (node, life):
        node.post(PostParcel("p1", box="a", remind_ns=SECOND_NS))
        life.settle()
        del app.handlers[next(command for command in app.handlers if command.wire_name == "box.remind")]
        life.fold.close()
        with pytest.raises(ConfigError, match=r"process manager relay has a command to send.*box\.remind"):
            life.start()
        life.node.app = create({})
        life.start()


def test_two_events_of_one_command_go_to_their_handler_in_order(tmp_path: Path) -> None:
    seen: list[str] = []

    class Ordered(ProcessManager):
        @on(Posted, priority=2)
        def second(self, event: Posted, send: Send) -> None:
            seen.append("second")

        @on(Posted, priority=1)
        def first(self, event: Posted, send: Send) -> None:
            seen.append("first")

        @on(Returned, PutIn)
        def never(self, returned: Returned, put: PutIn) -> None:
            seen.append("never")

    with world(create({}, Ordered), tmp_path) as (node, life):
        node.post(PostParcel("p1", box="a"))
        life.settle()
        assert seen == ["first", "second"]


@pytest.mark.parametrize("key", ["", "k" * 501, "\u4e2d" * 200])
def test_a_key_that_could_not_be_saved_fails_its_handler_and_not_the_process(
    tmp_path: Path, key: str
) -> None:
    class Wide(ProcessManager):
        @on(Posted)
        def posted(self, event: Posted, commit: Commit, state: Table) -> None:
            state[key] = commit.aggregate

    with world(create({}, Wide), tmp_path) as (node, life):
        node.post(PostParcel("p1", box="a"))
        wait(life)
        (letter,) = ask(life, "dead-letters")
        assert "a key has 1 to 500 bytes" in letter["error"]
