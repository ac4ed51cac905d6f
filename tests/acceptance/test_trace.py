"""`trace` on a node and on what is left of it: commands, events, refusals and timers of one chain."""

import json
from pathlib import Path
from typing import Any

from engine import Client, Node
from engine.base.identity import uuid7_hex
from engine.testing import InlineEngine
from tests.acceptance.kit import one_line, ringfold
from tests.acceptance.stranger import Stranger
from tests.deadline import until
from tests.unit.engine.managers.relay import PostParcel, create

HOUR_NS = 3600 * 10**9


def traced(data: Path, id: str) -> Any:
    done = ringfold("trace", id, f"--data={data}", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def post(tmp_path: Path) -> Node:
    settings = {"checkpoint_ms": 50, "partitions": 2}
    app = "tests.unit.engine.managers.relay:create"
    return Node(tmp_path / "data", app=app, settings=settings, log=tmp_path / "log")


def test_a_refused_parcel_is_traced_from_either_end_while_the_node_runs_and_after(tmp_path: Path) -> None:
    data = tmp_path / "data"
    order = PostParcel("parcel-1", box="full", remind_ns=HOUR_NS)
    with post(tmp_path) as node, Client(node.endpoints) as client, Stranger(data) as stranger:
        client.send(order)
        until(lambda: len(stranger.log(aggregate="parcel-1")) == 2, what="the parcel has come back")
        _, returned = stranger.log(aggregate="parcel-1")
        found = traced(data, order.id)
        root = found["root"]
        assert (root["command"], root["outcome"], root["aggregate"]) == (order.id, "committed", "parcel-1")
        assert [event["type"] for event in root["events"]] == ["parcel.posted"]
        by_outcome = {link["outcome"]: link for link in root["led_to"]}
        assert set(by_outcome) == {"rejected", "cancelled"}
        refused, cancelled = by_outcome["rejected"], by_outcome["cancelled"]
        assert refused["code"] == "no-room"
        (back,) = refused["led_to"]
        assert (back["command"], back["aggregate"]) == (returned["command"], "parcel-1")
        assert [event["type"] for event in back["events"]] == ["parcel.returned"]
        assert back["correlation"] == order.id
        timer = cancelled["timer"]
        assert (timer["type"], timer["key"], timer["state"]) == ("box.remind", "parcel-1", "cancelled")
        assert timer["ended_by"] == refused["command"]
        for id in (back["command"], refused["command"]):
            assert traced(data, id) == found | {"asked": id}
        shown = ringfold("trace", back["command"], f"--data={data}").stdout.splitlines()
        assert shown[0].startswith(f"{order.id}  parcel-1 version 1  2")
        assert any(line.startswith("│  └─ ") and line.endswith("◀") for line in shown)
        (told,) = [stranger.read("trace", command=id)["answer"] for id in [back["command"]]]
        assert told["root"]["led_to"] == [refused]  # process managers know the timers
        assert stranger.read("trace", command=uuid7_hex())["answer"] is None
        assert stranger.read("trace", command="nonsense")["error"] == "malformed"
        assert node.stop() == 0
    assert traced(data, back["command"])["root"]["led_to"] == [refused]


def test_timers_that_wait_and_timers_that_fired_are_in_the_tree(tmp_path: Path) -> None:
    data = tmp_path / "data"
    late, soon = (PostParcel(f"parcel-{ns}", box="box", remind_ns=ns) for ns in (HOUR_NS, 1))
    with post(tmp_path) as node, Client(node.endpoints) as client, Stranger(data) as stranger:
        client.send_many([late, soon])
        until(lambda: len(stranger.log(aggregate="box")) == 3, what="both are put, one is reminded of")
        (reminded,) = stranger.log(aggregate="box", types=["box.reminded"])
        put, fired = traced(data, soon.id)["root"]["led_to"]
        assert {put["events"][0]["type"], fired["events"][0]["type"]} == {"box.put-in", "box.reminded"}
        fired = fired if "timer" in fired else put
        assert (fired["command"], fired["timer"]["state"]) == (reminded["command"], "fired")
        (waiting,) = [
            link for link in traced(data, late.id)["root"]["led_to"] if link["outcome"] == "waiting"
        ]
        assert waiting["timer"]["due_ns"] > HOUR_NS
        assert traced(data, waiting["command"])["root"] == traced(data, late.id)["root"]
        assert node.stop() == 0


def test_what_is_no_command_or_unknown_is_one_line(tmp_path: Path) -> None:
    with InlineEngine(create({}), tmp_path / "data"):
        pass
    unknown = ringfold("trace", uuid7_hex(), f"--data={tmp_path / 'data'}")
    assert unknown.returncode == 2
    assert "nothing is known of this command" in one_line(unknown.stderr)
    assert "32 lower-case hex digits" in one_line(ringfold("trace", "parcel-1", f"--data={tmp_path}").stderr)
