"""Foreign appends of which the core knows nothing (behaviours 10 to 12): no client notices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Client
from tests.acceptance.behaviours.domain import Create, Created, Edit, Edited, Exchange, Mark, Marked
from tests.acceptance.behaviours.world import KINDS, World, ask, events, fresh, history, make

Send = Callable[[Client, list[Any]], list[Any]]
MANY = 50


def one_by_one(client: Client, commands: list[Any]) -> list[Any]:
    return [client.send(command) for command in commands]


def all_at_once(client: Client, commands: list[Any]) -> list[Any]:
    return client.send_many(commands)


both_ways = pytest.mark.parametrize("send", [one_by_one, all_at_once])


def edits(note: str) -> list[Edit]:
    return [Edit(note, text=f"edit {n}") for n in range(MANY)]


def assert_dense(world: World, note: str, upto: int) -> None:
    """Every version once, each by a command of its own."""
    stored = history(world, note)
    assert [commit.version for commit in stored] == list(range(1, upto + 1))
    assert len({commit.command for commit in stored}) == upto


def test_what_others_appended_is_seen_by_the_next_command(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    world.append_foreign(note, [Edited("foreign"), Marked("foreign")])
    receipt = world.client.send(Exchange(note, text="three"))
    assert (receipt.outcome, receipt.version, receipt.result) == ("committed", 3, {"was": "foreign"})
    assert world.client.send(Edit(note, text="three")).outcome == "unchanged"
    assert_dense(world, note, 3)


def test_a_store_advanced_midway_gives_every_command_its_right_version(world: World, note: str) -> None:
    """Again and again, while commands for it and for others are on their way."""
    world.client.send(Create(note, text="one"))
    neighbour, stranger = fresh(), fresh()
    tickets = [world.client.submit(Create(neighbour, text="one"))]
    for n in range(MANY):
        tickets.append(world.client.submit(Edit(note, text=f"edit {n}")))
        tickets.append(world.client.submit(Mark(neighbour, label=f"{n}")))
        if n % 10 == 5:
            world.client.flush()
            world.append_foreign(note, [Edited(f"foreign {n}")])
            world.append_foreign(stranger, [Created(f"foreign {n}") if n == 5 else Marked("foreign")])
    receipts = [world.client.wait(ticket) for ticket in tickets]
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    assert_dense(world, note, 1 + MANY + 5)
    assert_dense(world, neighbour, 1 + MANY)
    assert world.client.send(Mark(stranger, label="mine")).version == 6
    for name, mine in ((neighbour, [receipts[0], *receipts[2::2]]), (note, receipts[1::2])):
        commands = {commit.version: commit.command for commit in history(world, name)}
        assert [commands[receipt.version] for receipt in mine] == [receipt.id for receipt in mine]
        versions = [receipt.version for receipt in mine]
        assert versions == sorted(versions), "in the order in which they were sent"


def test_answers_that_store_no_event_know_what_others_appended_too(world: World, note: str) -> None:
    world.append_foreign(note, [Created("one")])
    assert world.client.send(Edit(note, text="two")).version == 2, "not unknown"
    world.append_foreign(note, [Edited("three")])
    assert world.client.send(Edit(note, text="two")).version == 4, "not unchanged"
    world.append_foreign(note, [Edited("five")])
    assert world.client.send(Edit(note, text="x", expected_version=4)).code == "wrong-version"
    world.append_foreign(note, [Edited("six")])
    assert world.client.send(Edit(note, text="seven", expected_version=6)).version == 7
    other = fresh()
    world.append_foreign(other, [Created("")])
    assert world.client.send(Create(other, text="mine")).code == "already-exists"


@both_ways
def test_a_create_that_is_stored_already_and_50_updates_end_at_version_51(
    world: World, note: str, send: Send
) -> None:
    create = Create(note, text="one")
    world.append_foreign(note, [Created("one")], command=create.id)
    receipts = send(world.another_client(), [create, *edits(note)])
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    assert [receipt.version for receipt in receipts] == list(range(1, MANY + 2))
    assert_dense(world, note, MANY + 1)


@both_ways
def test_memory_at_1_and_store_at_2_and_50_updates_end_at_version_52(
    world: World, note: str, send: Send
) -> None:
    world.client.send(Create(note, text="one"))
    world.append_foreign(note, [Edited("foreign")])
    receipts = send(world.another_client(), edits(note))
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    assert [receipt.version for receipt in receipts] == list(range(3, MANY + 3))
    assert_dense(world, note, MANY + 2)
    last = f"edit {MANY - 1}"
    assert events(world, note)[-1] == Edited(last)
    assert world.client.send(Edit(note, text=last)).outcome == "unchanged", "the last write has won"
    assert ask(world, "texts", "text", note, receipts[-1].at) == last
    assert ask(world, "versions", "seen", note) == list(range(1, MANY + 3))


def test_an_update_that_is_stored_already_is_answered_from_the_store(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    edit = Edit(note, text="two")
    world.append_foreign(note, [Edited("two")], command=edit.id)
    receipts = [world.client.send(command) for command in (edit, Edit(note, text="three"), edit)]
    assert [(r.outcome, r.version) for r in receipts] == [("committed", v) for v in (2, 3, 2)]
    assert receipts[0] == receipts[2]
    assert events(world, note) == [Created("one"), Edited("two"), Edited("three")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_others_appended_last_is_there_after_a_restart(kind: str, tmp_path: Path, note: str) -> None:
    world = make(kind, tmp_path)
    try:
        created = Create(note, text="one")
        first = world.client.send(created)
        world.append_foreign(note, [Edited("foreign")])
        world.restart()
        assert world.client.send(created) == first
        assert world.client.send(Edit(note, text="foreign")).outcome == "unchanged"
        world.append_foreign(note, [Edited("again")])
        last = world.client.send(Edit(note, text="mine"), wait="projected:texts")
        assert (last.outcome, last.version) == ("committed", 4)
        assert ask(world, "versions", "seen", note, last.at) == [1, 2, 3, 4]
    finally:
        world.close()
