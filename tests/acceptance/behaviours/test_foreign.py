"""The store is advanced behind the core's back (behaviours 10 to 12): nobody who sends notices."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.client import Client
from tests.acceptance.behaviours.domain import Create, Created, Edit, Edited, Exchange, Mark, Marked
from tests.acceptance.behaviours.world import World, ask, events, fresh, history

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
    world.client.send(Create(note, text="one"))
    other = fresh()
    tickets = [world.client.submit(edit) for edit in edits(note)]
    tickets.insert(0, world.client.submit(Create(other, text="of another note")))
    world.append_foreign(note, [Edited("foreign")])
    tickets += [world.client.submit(Mark(note, label=f"{n}")) for n in range(MANY)]
    world.append_foreign(other if history(world, other) else fresh(), [Created("")] * 0 or [Edited("foreign")])
    receipts = [world.client.wait(ticket) for ticket in tickets]
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    assert_dense(world, note, 2 + 2 * MANY)
    by_version = {commit.version: commit.command for commit in history(world, note)}
    assert all(by_version[receipt.version] == receipt.id for receipt in receipts[1:])
    mine = [receipt.version for receipt in receipts[1:]]
    assert mine == sorted(mine), "in the order in which they were sent"


def test_a_note_that_others_created_is_known_to_the_next_command(world: World, note: str) -> None:
    assert world.client.send(Edit(note, text="x")).code == "aggregate-unknown"
    world.append_foreign(note, [Created("foreign")])
    world.client.send(Create(fresh(), text="whatever is stored next tells of it"))
    assert world.client.send(Create(note, text="mine")).code == "already-exists"
    assert world.client.send(Edit(note, text="mine")).version == 2


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
