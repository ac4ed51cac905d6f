"""What a process manager sends says what led to it, also by way of refusals and timers."""

from pathlib import Path
from typing import Any

from engine.base.identity import uuid7_hex
from engine.model.messages import Command
from tests.unit.engine.managers.relay import PostParcel, create
from tests.unit.engine.managers.world import SECOND_NS, Life, SmallNode, ask, world


def of_type(node: SmallNode, name: str) -> Command:
    """The only command of a class that the node has taken."""
    (command,) = {one.id: one for one in node.taken if type(one).__name__ == name}.values()
    return command


def causes(command: Command) -> tuple[str | None, str | None]:
    return command.correlation, command.causation


def timers_of(life: Life, command: Command) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(life, "timers-of", command=command.id)
    return found


def test_what_follows_from_an_event_names_its_command(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcel = PostParcel("p", box="a")
        node.post(parcel)
        life.settle()
        assert causes(of_type(node, "Put")) == (parcel.id, parcel.id)
        assert [(c.correlation, c.causation) for c in node.commits()] == [
            (None, None),
            (parcel.id, parcel.id),
        ]
        assert [child.command for child in node.reader.children_of(parcel.id)] == [of_type(node, "Put").id]


def test_a_correlation_goes_on_down_the_chain(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        undertaking = uuid7_hex()
        parcel = PostParcel("p", box="full", correlation=undertaking)
        node.post(parcel)
        life.settle()
        put, back = of_type(node, "Put"), of_type(node, "ReturnParcel")
        assert causes(put) == (undertaking, parcel.id)
        assert causes(back) == (undertaking, put.id), "it follows from the refusal"


def test_a_refused_command_is_a_child_with_its_outcome(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcel = PostParcel("p", box="full")
        node.post(parcel)
        life.settle()
        (child,) = node.reader.children_of(parcel.id)
        assert (child.command, child.position) == (of_type(node, "Put").id, 0)
        outcome = node.reader.find_outcome(child.command, child.sequence)
        assert outcome is not None
        assert (outcome.code, outcome.causation) == ("no-room", parcel.id)


def test_a_timer_names_the_command_because_of_which_it_was_set(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcel = PostParcel("p", box="a", remind_ns=SECOND_NS)
        node.post(parcel)
        life.settle()
        (waiting,) = timers_of(life, parcel)
        assert (waiting["state"], waiting["type"], waiting["key"]) == ("waiting", "box.remind", "p")
        node.now_ns += 2 * SECOND_NS
        life.settle()
        (fired,) = timers_of(life, parcel)
        assert fired == waiting | {"state": "fired"}
        remind = of_type(node, "Remind")
        assert fired["id"] == remind.id
        assert causes(remind) == (parcel.id, parcel.id)


def test_a_cancelled_timer_names_what_cancelled_it(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcel = PostParcel("p", box="full", remind_ns=SECOND_NS)
        node.post(parcel)
        life.settle()
        (cancelled,) = timers_of(life, parcel)
        assert (cancelled["state"], cancelled["ended_by"]) == ("cancelled", of_type(node, "Put").id)


def test_ended_timers_outlive_their_process(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcels = [PostParcel(f"p{k}", box="a", remind_ns=SECOND_NS) for k in range(3)]
        node.post(*parcels)
        life.settle()
        node.now_ns += 2 * SECOND_NS
        life.settle()
        before = [timers_of(life, parcel) for parcel in parcels]
        life.again()
        assert [timers_of(life, parcel) for parcel in parcels] == before
        assert [timer["state"] for (timer,) in before] == ["fired"] * 3


def test_a_command_that_set_no_timer_has_none(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        parcel = PostParcel("p", box="a")
        node.post(parcel)
        life.settle()
        assert timers_of(life, parcel) == []
