"""How commands end (behaviours 1 to 9)."""

import os
import signal
import time
from pathlib import Path

import pytest

from engine import Command, ConfigError, Node, Subscriber
from engine.base.errors import Exit, Fault
from tests.acceptance.behaviours import domain
from tests.acceptance.behaviours.domain import (
    Announce,
    Announced,
    Create,
    Created,
    Edit,
    Edited,
    EditSlowly,
    Exchange,
    Finish,
    Mark,
    Marked,
    MarkTwice,
    Overreach,
    Refuse,
    Stumble,
    Unheard,
)
from tests.acceptance.behaviours.world import Running, World, ask, elapsed, events, fresh, history

LONGER_THAN_A_CLIENT_IS_SILENT_S = 2.2


def test_create_then_update_give_versions_1_and_2_by_inherited_appliers(world: World, note: str) -> None:
    created = world.client.send(Create(note, text="one"))
    edited = world.client.send(Edit(note, text="two"))
    assert [(r.outcome, r.version) for r in (created, edited)] == [("committed", 1), ("committed", 2)]
    assert edited.position > created.position
    assert events(world, note) == [Created("one"), Edited("two")]
    assert ask(world, "texts", "text", note, edited.at) == "two"


def test_an_own_applier_of_a_class_that_inherits_others_changes_it_too(world: World, note: str) -> None:
    commands = [Create(note, text="one"), Mark(note, label="x"), Edit(note, text="one")]
    receipts = [world.client.send(command) for command in commands]
    assert [receipt.outcome for receipt in receipts] == ["committed", "committed", "unchanged"]
    assert [receipt.version for receipt in receipts] == [1, 2, 0]


def test_a_slow_handler_answers_although_the_client_has_sent_again_meanwhile(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    began = time.monotonic()
    receipt = world.client.send(EditSlowly(note, text="two", seconds=LONGER_THAN_A_CLIENT_IS_SILENT_S))
    assert (receipt.outcome, receipt.version) == ("committed", 2)
    assert elapsed(began) >= LONGER_THAN_A_CLIENT_IS_SILENT_S
    after = world.client.send(Edit(note, text="three"))
    assert (after.outcome, after.version) == ("committed", 3)
    assert events(world, note) == [Created("one"), Edited("two"), Edited("three")]


def test_the_same_create_twice_is_committed_twice_at_version_1(world: World, note: str) -> None:
    command = Create(note, text="one")
    first, second = world.client.send(command), world.another_client().send(command)
    assert (first.outcome, first.version) == ("committed", 1)
    assert second == first
    assert len(history(world, note)) == 1


def test_another_create_of_the_same_id_is_rejected_and_touches_nothing(world: World, note: str) -> None:
    first = world.client.send(Create(note, text="one"))
    other = Create(note, text="another")
    assert [world.client.send(other).code for _ in range(2)] == ["already-exists", "already-exists"]
    assert world.client.send(other).outcome == "rejected"
    assert events(world, note) == [Created("one")]
    assert ask(world, "texts", "text", note, first.at) == "one"
    assert world.client.send(Edit(note, text="two")).version == 2


def test_the_same_update_twice_is_committed_twice_with_one_event(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    command = Edit(note, text="two")
    first, second = world.client.send(command), world.another_client().send(command)
    assert (first.outcome, first.version) == ("committed", 2)
    assert second == first
    assert events(world, note) == [Created("one"), Edited("two")]


def test_the_same_update_from_three_clients_at_once_has_one_effect(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    command = Edit(note, text="two")
    clients = [world.another_client() for _ in range(3)]
    tickets = [client.submit(command) for client in clients]
    receipts = [client.wait(ticket) for client, ticket in zip(clients, tickets, strict=True)]
    assert [(r.outcome, r.version) for r in receipts] == [("committed", 2)] * 3
    assert len(history(world, note)) == 2


def test_a_hundred_concurrent_updates_are_all_committed_up_to_version_101(world: World, note: str) -> None:
    world.client.send(Create(note, text="zero"))
    clients = [world.another_client() for _ in range(10)]
    tickets = [
        (client, client.submit(Edit(note, text=f"{k}-{n}")))
        for n in range(10)
        for k, client in enumerate(clients)
    ]
    for client in clients:
        client.flush()
    receipts = [client.wait(ticket) for client, ticket in tickets]
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    assert sorted(receipt.version for receipt in receipts) == list(range(2, 102))
    stored = history(world, note)
    assert [commit.version for commit in stored] == list(range(1, 102))
    by_version = {commit.version: commit.command for commit in stored}
    assert all(by_version[receipt.version] == receipt.id for receipt in receipts)


def test_a_command_that_changes_nothing_is_unchanged_however_often_it_comes(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    command = Edit(note, text="one")
    assert [world.client.send(command).outcome for _ in range(2)] == ["unchanged", "unchanged"]
    world.client.send(Edit(note, text="two"))
    assert world.client.send(command).outcome == "unchanged", "the first outcome, though now it would change"
    assert events(world, note) == [Created("one"), Edited("two")]


def test_an_application_message_alone_is_committed_and_delivered(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    with Subscriber(world.data, fresh("sink"), [Announced], since="now") as sink:
        receipt = world.client.send(Announce(note))
        assert (receipt.outcome, receipt.version) == ("committed", 2)
        (message,) = world.until(lambda: sink.take(0), "the message is delivered")
        assert (message.id, message.event) == (f"{receipt.id}-0", Announced("one"))
        assert (message.aggregate, message.position) == (note, receipt.position)
        sink.ack()
    assert world.client.send(Edit(note, text="two")).version == 3


@pytest.mark.parametrize("wait", ["committed", "projected:texts"])
def test_a_result_comes_back_also_when_a_view_is_waited_for(world: World, note: str, wait: str) -> None:
    world.client.send(Create(note, text="one"))
    command = Exchange(note, text="two")
    receipt = world.client.send(command, wait=wait)
    assert (receipt.outcome, receipt.version, receipt.result) == ("committed", 2, {"was": "one"})
    if wait != "committed":
        assert ask(world, "texts", "text", note) == "two"
    assert world.client.send(command, wait=wait) == receipt


@pytest.mark.parametrize("world", ["node"], indirect=True)
def test_what_is_committed_is_so_though_the_view_that_is_waited_for_is_halted(
    world: Running, note: str
) -> None:
    world.client.send(Create(note, text="one"))
    command, projector = Exchange(note, text="two"), world.node.pids["projector-texts"]
    os.kill(projector, signal.SIGSTOP)
    try:
        receipt = world.client.send(command, wait="projected:texts", timeout_s=0.5)
    finally:
        os.kill(projector, signal.SIGCONT)
    assert (receipt.outcome, receipt.result, receipt.view_ready) == ("committed", {"was": "one"}, False)
    again = world.client.send(command, wait="projected:texts")
    assert (again.outcome, again.version, again.result) == ("committed", 2, {"was": "one"})
    assert ask(world, "texts", "text", note) == "two"


def test_each_way_not_to_work_has_its_own_outcome_and_leaves_the_note_alone(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    wrong: dict[str, list[Command]] = {
        "handler-bug": [Overreach(note), Stumble(note)],
        "unknown-command": [Unheard(note)],
        "not-ever": [Refuse(note)],
        "not-now": [Refuse(note, raises=True)],
        "aggregate-unknown": [Edit(fresh(), text="x")],
        "wrong-aggregate": [Edit(_a_box(world), text="x")],
    }
    for code, commands in wrong.items():
        for command in commands:
            receipt = world.client.send(command)
            outcome = "rejected" if code.startswith("not-") else "failed"
            assert (receipt.outcome, receipt.code) == (outcome, code)
            assert world.client.send(command) == receipt
    assert events(world, note) == [Created("one")]
    assert world.client.send(Edit(note, text="two")).version == 2


def test_what_goes_wrong_does_not_touch_its_neighbours_in_one_message(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    commands = [Edit(note, text="2"), Stumble(note), Unheard(note), Refuse(note), Overreach(note)]
    receipts = world.client.send_many([*commands, Edit(note, text="3"), Edit(note, text="3")])
    assert [receipt.outcome for receipt in receipts] == [
        "committed", "failed", "failed", "rejected", "failed", "committed", "unchanged",
    ]  # fmt: skip
    assert events(world, note) == [Created("one"), Edited("2"), Edited("3")]


def _a_box(world: World) -> str:
    note = fresh()
    world.client.send_many([Create(note, text=""), Finish(note, text="full")])
    box = domain.box_of(note)
    world.until(lambda: history(world, box), "the note is filed")
    return box


def test_two_handlers_for_a_command_start_no_node_and_no_inline_engine(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two handlers for command note"):
        domain.create_with_a_rival({})
    node = Node(tmp_path / "data", app=f"{domain.APP}_with_a_rival", log=tmp_path / "log")
    with pytest.raises(Fault, match=f"exit_code={int(Exit.CONFIG)}"):
        node.start()
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "two handlers for command note.create" in line


def test_base_and_derived_command_each_go_to_their_own_handler(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    base, derived = world.client.send(Mark(note, label="a")), world.client.send(MarkTwice(note, label="b"))
    assert (base.version, derived.version) == (2, 3)
    assert [commit.events for commit in history(world, note)[1:]] == [
        [Marked("a")],
        [Marked("b"), Marked("b")],
    ]
