"""What an operator looks at over HTTP, and does."""

import os
import signal
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from engine import Node
from tests.deadline import until
from tests.gateway.http import Http, gateway


def test_the_state_of_an_aggregate_at_a_version_with_what_changed(http: Http) -> None:
    http.send("parcel.send", "a/b 1", sender="ann")
    for place in ("Lyon", "Turin"):
        http.send("parcel.move", "a/b 1", place=place)
    now = http.get("/api/aggregates/a%2Fb%201?since=1").json
    assert (now["kind"], now["version"], now["last_version"]) == ("Parcel", 3, 3)
    assert now["state"] == {"sender": "ann", "places": ["Lyon", "Turin"], "asked": 0}
    assert now["changes"] == [{"at": "/places/0", "to": "Lyon"}, {"at": "/places/1", "to": "Turin"}]
    then = http.get("/api/aggregates/a/b%201?version=2").json
    assert (then["version"], then["state"]["places"]) == (2, ["Lyon"])
    begun = http.get("/api/aggregates/a/b%201?version=1&since=0").json
    assert {"at": "/sender", "to": "ann"} in begun["changes"]
    assert http.get("/api/aggregates/a/b%201?version=4").code == "not-found"
    assert http.get("/api/aggregates/a/b%201?version=1&since=2").code == "bad-request"


def test_what_led_to_a_command_and_the_timers_on_the_way(http: Http) -> None:
    sent = http.send("parcel.send", "traced", sender="ann").json["id"]
    until(lambda: http.get(f"/api/trace/{sent}").json["timers"], 10)
    told = http.get(f"/api/trace/{sent}").json
    assert told["root"]["command"] == sent
    (timer,) = told["timers"][sent]
    assert (timer["type"], timer["state"]) == ("parcel.move", "waiting")


def test_timers_and_instances_of_process_managers(http: Http) -> None:
    http.send("parcel.send", "timed", sender="ann")

    def waiting() -> Any:
        (clerk,) = http.get("/api/node/process-managers").json
        return [timer for timer in clerk["timers"]["timers"] if timer["key"] == "timed"]

    (timer,) = until(waiting, 10)
    assert timer["command"]["type"] == "parcel.move"
    assert timer["due_ns"] > 0
    instance = http.get("/api/node/process-managers/clerk/instances/timed").json
    assert len(instance["timers"]) == 1


def test_dead_letters_are_listed_retried_and_dropped(http: Http) -> None:
    http.send("parcel.send", "poisoned", sender="ann")
    http.send("parcel.move", "poisoned", place="poison")
    http.send("parcel.move", "poisoned", place="Rom")
    (letter,) = until(lambda: http.get("/api/node/dead-letters").json, 10)
    assert (letter["follower"], letter["aggregate"], letter["events"]) == (
        "parcels",
        "poisoned",
        ["parcel.moved"],
    )
    assert "there is no such place" in letter["error"]
    left = http.post("/api/node/dead-letters/parcels/retry", {"aggregate": "poisoned"}).json
    assert len(left) == 1
    assert http.post("/api/node/dead-letters/parcels/drop", {"aggregate": "poisoned"}).json == []
    assert http.get("/api/node/dead-letters").json == []
    assert http.get("/api/views/parcels/parcel?parcel=poisoned").json["place"] == "Rom"
    assert http.post("/api/node/dead-letters/parcels/drop", {}).code == "malformed"
    assert http.post("/api/node/dead-letters/no/retry", {}).code == "not-found"


def test_a_view_is_rebuilt_and_shows_how_far_it_is(http: Http) -> None:
    http.send("parcel.send", "rebuilt", sender="ann")
    answer = http.post("/api/node/views/parcels/rebuild", {})
    assert (answer.status, answer.json["folder"]) == (202, "parcels-v1.2")
    until(lambda: http.get("/api/node/views").json[0]["served"]["folder"] == "parcels-v1.2", 20)
    (view,) = http.get("/api/node/views").json
    assert view["served"]["positions"] == view["store"]
    assert http.post("/api/node/views/no/rebuild", {}).code == "not-found"


def test_settings_have_their_origin(node: Node, http: Http) -> None:
    settings = {one["name"]: (one["value"], one["source"]) for one in http.get("/api/node/settings").json}
    assert settings["data"] == (str(node.data), "flag --data")
    assert settings["segment_bytes"] == (1 << 20, "flag --segment-bytes")
    assert settings["duplicate_window"] == (250_000, "default")


def test_the_node_at_one_look(http: Http) -> None:
    told = http.get("/api/node").json
    names = {row["process"]: row["state"] for row in told["processes"]}
    assert names["gateway"] == "running"
    assert (told["application"], told["partitions"]) == ("parcels", 1)
    assert told["positions"][0] > 0


def test_metrics_are_read_by_what_reads_metrics(http: Http) -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(http.get("/metrics").body.decode())
    }
    up = {sample.labels["name"]: sample.value for sample in families["ringfold_process_up"].samples}
    assert up["gateway"] == up["core-0"] == 1
    assert families["ringfold_commands"].type == "counter"
    assert families["ringfold_command_seconds"].type == "histogram"
    assert b"# EOF" in http.get("/metrics", Accept="application/openmetrics-text; version=1.0.0").body


def test_a_node_is_ready_until_something_is_not_at_work(tmp_path: Path) -> None:
    with gateway(tmp_path) as (node, http):
        until(lambda: http.get("/health/ready").json == {"ready": True, "reasons": []}, 10)
        os.kill(node.pids["projector-parcels"], signal.SIGSTOP)
        answer = http.get("/health/ready")
        assert (answer.status, answer.json["reasons"]) == (503, ["projector-parcels does not answer"])
        assert http.get("/health/live").json == {"live": True}
        os.kill(node.pids["projector-parcels"], signal.SIGCONT)
        until(lambda: http.get("/health/ready").status == 200, 20)


def test_a_disk_that_is_nearly_full_is_a_reason(tmp_path: Path) -> None:
    with gateway(tmp_path, disk_reserve_bytes=1 << 44) as (_, http):
        answer = http.get("/health/ready")
        assert answer.status == 503
        assert answer.json["reasons"][-1].startswith("the disk has ")
