"""A process manager that dies at any step has each effect exactly once."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.managers import Birth, Manager
from engine.managers.identity import time_of
from engine.wire.log import record_decoder
from tests.unit.engine.managers.relay import PostParcel, create, effects, wished
from tests.unit.engine.managers.world import SECOND_NS, STEPS, Life, world

PARCELS = [
    PostParcel("p1", box="a"),
    PostParcel("p2", box="full"),
    PostParcel("p3", box="a", remind_ns=SECOND_NS),
    PostParcel("p4", box="full-too", remind_ns=SECOND_NS),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("turn", range(5))
def test_a_death_at_any_step_leaves_one_effect_of_each_event(tmp_path: Path, step: str, turn: int) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(*PARCELS)
        for number in range(8):
            if number == turn:
                life.die_at = step
            life.turn()
        node.now_ns += 2 * SECOND_NS
        if life.die_at == "":
            life.die_at = step
        life.settle()
        assert effects(node.commits()) == wished(PARCELS)
        assert len(life.manager.outbox) == len(life.manager.timers) == 0
        assert dict(life.manager.state) == {}


@settings(max_examples=40, deadline=None)
@given(
    deaths=st.lists(st.sampled_from((*STEPS, "")), max_size=30),
    boxes=st.lists(st.sampled_from(["a", "full"]), min_size=1, max_size=6),
)
def test_any_series_of_deaths_leaves_one_effect_of_each_event(deaths: list[str], boxes: list[str]) -> None:
    parcels = [  # only what arrives is asked for: the other timer may fire before its parcel is back
        PostParcel(f"p{k}", box=box, remind_ns=SECOND_NS if box == "a" and k % 2 else 0)
        for k, box in enumerate(boxes)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        world(create({}), Path(folder)) as (node, life),
    ):
        waiting = list(parcels)
        for number, step in enumerate(deaths):
            if waiting:
                node.post(waiting.pop(0))
            if number % 3 == 2:
                node.now_ns += SECOND_NS
            life.die_at = step
            life.turn()
        node.post(*waiting, PostParcel("last", box="a"))
        node.now_ns += 2 * SECOND_NS
        life.die_at = ""
        life.settle()
        node.now_ns += 2 * SECOND_NS
        life.settle()
        assert effects(node.commits()) == wished([*parcels, PostParcel("last", box="a")])


def test_nothing_leaves_before_it_is_saved(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(PARCELS[0])
        life.intake.poll()
        life.intake.read()
        life.manager.durable()  # nothing was told to a save yet
        assert life.manager.leaving(10) == []
        life.fold.save(True)
        assert life.manager.leaving(10) == []
        life.manager.durable()
        assert [entry.command.aggregate for entry in life.manager.leaving(10)] == ["a"]
        assert life.manager.leaving(10) == []


def test_the_same_event_gives_the_same_ids_in_every_life(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(*PARCELS)
        life.die_at = "taken"
        life.turn()
        life.turn()
        first = [command.id for command in life.flying]
        life.again()
        life.turn()
        assert [command.id for command in life.flying] == first
        assert len(set(first)) == len(PARCELS)


def test_what_came_before_its_birth_gives_state_and_no_effects(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        life.settle()
        node.post(PARCELS[0], PARCELS[2])
        other = Life(node, tmp_path / "other")  # another process manager that comes late
        other.settle()
        assert sorted(other.manager.state) == ["p1", "p3"]
        assert len(other.manager.timers) == 0
        assert effects(node.commits()) == {}
        node.post(PARCELS[1])
        other.settle()
        assert effects(node.commits()) == wished([PARCELS[1]])
        other.fold.close()


def test_a_rebuild_from_nothing_but_the_birth_sends_what_the_node_knows_already(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(*PARCELS)
        life.settle()
        before = len(node.commits())
        life.fold.close()
        for file in ("data.mdb", "lock.mdb"):
            (life.folder / file).unlink()
        life.start()
        life.settle()
        assert len(node.commits()) == before


def test_timers_fire_once_even_if_their_time_passed_while_the_node_was_down(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(PARCELS[2])
        life.settle()
        assert len(life.manager.timers) == 1
        node.now_ns += 3600 * SECOND_NS
        life.again()
        assert len(life.manager.timers) == 1
        life.settle()
        life.again()
        life.settle()
        assert effects(node.commits())["box.reminded", "p3"] == 1


def test_a_timer_is_not_early(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(PARCELS[2])
        life.settle()
        (due_ns, key, _), *_ = life.manager.timers.pending()
        assert key == "p3"
        node.now_ns = due_ns - 1
        life.settle()
        assert effects(node.commits())["box.reminded", "p3"] == 0
        node.now_ns = due_ns
        life.settle()
        assert effects(node.commits())["box.reminded", "p3"] == 1


def test_the_ids_do_not_depend_on_what_is_taken_in_together(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(PARCELS[0], PARCELS[2])
        (first, record), *_ = node.reader.records()
        _, commits = record_decoder(node.app).decode(record)
        assert (first, len(commits)) == (2, 2)
        life.manager.apply(0, 1, commits)
        together = [entry.command.id for entry in life.manager.outbox]
        other = Manager(node.app, node.app.process_managers["relay"], Birth([0]), log=life.said)
        other.apply(0, 1, commits[:1])
        other.apply(0, 2, commits[1:])
        assert [entry.command.id for entry in other.outbox] == together
        assert len(together) == 2


def test_the_id_of_a_timer_is_of_the_time_at_which_it_leaves(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(PARCELS[2])
        life.settle()
        ((due_ns, _, command),) = life.manager.timers.pending()
        assert 0 <= due_ns - time_of(command.id) < 1000
