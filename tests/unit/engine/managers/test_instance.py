"""What belongs to one id among everything that a process manager has under way."""

from pathlib import Path

import pytest

from engine.managers.instance import begins_with
from tests.unit.engine.managers.relay import PostParcel, create
from tests.unit.engine.managers.world import SECOND_NS, ask, world


def test_state_commands_and_timers_of_one_id(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(*(PostParcel(f"p{n}", box="blue", remind_ns=60 * SECOND_NS) for n in (1, 10)))
        life.intake.poll()
        life.intake.read()
        instance = ask(life, "instance", id="p1")
        assert instance["state"] == {"p1": "blue"}
        ((entry,), (timer,)) = instance["outbox"], instance["timers"]
        assert (entry["command"]["type"], entry["command"]["parcel"]) == ("box.put", "p1")
        assert (timer["key"], timer["command"]["type"]) == ("p1", "box.remind")
        assert timer["due_ns"] > node.now_ns
        by_command = ask(life, "instance", id=entry["command"]["id"])
        assert (by_command["state"], by_command["outbox"], by_command["timers"]) == ({}, [entry], [])
        of_the_box = ask(life, "instance", id="blue")
        assert (len(of_the_box["outbox"]), len(of_the_box["timers"])) == (2, 2)
        assert not any(ask(life, "instance", id="p").values())
        life.settle()
        assert ask(life, "instance", id="p1")["outbox"] == []


@pytest.mark.parametrize(
    ("key", "belongs"), [("a-1", True), ("a-1/x", True), ("a-1:2", True), ("a-10", False), ("a", False)]
)
def test_a_key_belongs_if_it_begins_with_the_id_and_a_sign(key: str, belongs: bool) -> None:
    assert begins_with(key, "a-1") is belongs
