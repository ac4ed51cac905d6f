"""Refusals on which their handler fails: tried again, then kept for an operator."""

from pathlib import Path

import pytest

from engine import Commit, ProcessManager, Refusal, Send, Table, on, refused
from tests.unit.engine.managers.relay import (
    Posted,
    PostParcel,
    Put,
    create,
    effects,
)
from tests.unit.engine.managers.world import ask, wait, world


class OnlyRefusals(ProcessManager):
    """The relay, whose refusals may fail."""

    at: set[str] = set()  # noqa: RUF012
    calls: list[str] = []  # noqa: RUF012

    @on(Posted)
    def posted(self, event: Posted, commit: Commit, send: Send, state: Table) -> None:
        send(Put(event.box, parcel=commit.aggregate))

    @refused(Put)
    def fails(self, command: Put, refusal: Refusal, send: Send, state: Table) -> None:
        self.calls.append(command.parcel)
        state["spoilt"] = True
        send(Put("spoilt", parcel=command.parcel))
        if command.parcel in self.at:
            raise ValueError(f"no luck with {command.parcel}")
        del state["spoilt"]


@pytest.fixture(autouse=True)
def _no_trouble() -> None:
    OnlyRefusals.at, OnlyRefusals.calls = set(), []


def test_a_refusal_that_fails_is_tried_again_then_waits_for_an_operator(tmp_path: Path) -> None:
    with world(create({}, OnlyRefusals), tmp_path) as (node, life):
        OnlyRefusals.at = {"p1"}
        node.post(PostParcel("p1", box="full"), PostParcel("p2", box="full"))
        wait(life)
        assert OnlyRefusals.calls.count("p1") == 5
        assert effects(node.commits()) == {("box.put-in", "p2"): 1}
        assert dict(life.manager.state) == {}
        (letter,) = ask(life, "dead-letters")
        assert (letter["aggregate"], letter["dead"], letter["attempts"]) == ("full", True, 5)
        assert letter["events"] == ["refusal of box.put: no-room"]
        assert ask(life, "outbox")["waiting"] == 1
        (left,) = ask(life, "dead-letter-retry")
        assert left["attempts"] == 6
        OnlyRefusals.at = set()
        assert ask(life, "dead-letter-retry", aggregate="full") == []
        wait(life)
        assert effects(node.commits()) == {("box.put-in", "p1"): 1, ("box.put-in", "p2"): 1}
        assert len(life.manager.outbox) == 0


def test_a_refusal_that_fails_outlives_a_restart_and_is_not_sent_again(tmp_path: Path) -> None:
    with world(create({}, OnlyRefusals), tmp_path) as (node, life):
        OnlyRefusals.at = {"p1"}
        node.post(PostParcel("p1", box="full"))
        wait(life)
        sent = len(node.taken)
        life.again()
        assert [str(entry.command.aggregate) for entry in life.manager.outbox] == ["full"]
        OnlyRefusals.at = set()
        wait(life)
        assert len(node.taken) == sent + 1
        assert effects(node.commits()) == {("box.put-in", "p1"): 1}


def test_a_second_answer_does_not_hand_a_refusal_to_its_handler_again(tmp_path: Path) -> None:
    with world(create({}, OnlyRefusals), tmp_path) as (node, life):
        OnlyRefusals.at = {"p1"}
        node.post(PostParcel("p1", box="full"))
        wait(life)
        called = len(OnlyRefusals.calls)
        (entry,) = life.manager.outbox
        life.manager.answered(entry.command.id, Refusal("rejected", "no-room"), life.now)
        life.manager.answered(entry.command.id, None, life.now)
        assert len(OnlyRefusals.calls) == called
        assert len(life.manager.outbox) == 1


def test_a_refusal_can_be_dropped(tmp_path: Path) -> None:
    with world(create({}, OnlyRefusals), tmp_path) as (node, life):
        OnlyRefusals.at = {"p1"}
        node.post(PostParcel("p1", box="full"))
        wait(life)
        assert ask(life, "dead-letter-drop", aggregate="full") == []
        life.again()
        wait(life)
        assert len(life.manager.outbox) == 0
        assert effects(node.commits()) == {}
