"""Commands over HTTP: an outcome is a status, a key is a command, an array is answered in its order."""

import os
import signal
from pathlib import Path

import pytest

from engine import Client, Node, id_from
from tests.gateway.http import Http, gateway

ID = "0" * 12 + "8" + "1" * 3 + "9" + "2" * 15


def test_a_command_that_is_committed_answers_its_receipt_with_the_result(http: Http) -> None:
    answer = http.send("parcel.send", "p-1", sender="ann", weight=3)
    assert answer.status == 200
    receipt = answer.json
    assert (receipt["outcome"], receipt["version"], receipt["result"]) == ("committed", 1, {"price": 15})
    assert answer.headers["etag"] == '"1"'
    assert len(receipt["id"]) == 32


def test_a_command_may_name_its_type_in_the_body_or_in_the_path(http: Http) -> None:
    named = {"type": "parcel.send", "aggregate": "p-2", "sender": "ann"}
    assert http.post("/api/commands", named).status == 200
    assert http.post("/api/commands/parcel.send", named | {"aggregate": "p-3"}).status == 200
    assert http.post("/api/commands/parcel.ask", named).code == "malformed"


def test_the_same_id_is_the_same_command(http: Http) -> None:
    first = http.send("parcel.send", "p-4", sender="ann", id=ID)
    assert http.send("parcel.send", "p-4", sender="ann", id=ID).json == first.json


def test_a_key_of_any_form_is_one_command_however_often_it_is_sent(http: Http) -> None:
    for key in ("order 7/2", "8e03978e-40d5-43e8-bc93-6894a57f9324", "键".encode().decode("latin-1")):
        aggregate = f"key-{len(key)}"
        first = http.post(
            "/api/commands/parcel.send", {"aggregate": aggregate, "sender": "a"}, Idempotency_Key=key
        )
        again = http.post(
            "/api/commands/parcel.send", {"aggregate": aggregate, "sender": "a"}, Idempotency_Key=key
        )
        assert first.status == 200
        assert first.json == again.json
        assert first.json["id"] == id_from(key)


def test_a_key_that_is_an_id_is_the_id(http: Http) -> None:
    key = "0" * 12 + "8" + "3" * 3 + "9" + "4" * 15
    answer = http.post("/api/commands/parcel.send", {"aggregate": "p-5", "sender": "a"}, Idempotency_Key=key)
    assert answer.json["id"] == key


def test_the_commands_of_an_array_with_a_key_have_ids_of_their_own_and_the_same_each_time(
    http: Http,
) -> None:
    commands = [{"type": "parcel.send", "aggregate": f"many-{n}", "sender": "a"} for n in range(3)]
    first = http.post("/api/commands", commands, Idempotency_Key="many")
    assert [receipt["id"] for receipt in first.json] == [id_from(f"many/{n}") for n in range(3)]
    by_id = {
        receipt["id"]: receipt
        for receipt in http.post("/api/commands", commands, Idempotency_Key="many").json
    }
    assert by_id == {receipt["id"]: receipt for receipt in first.json}


def test_an_array_answers_each_in_its_order(http: Http) -> None:
    commands = [
        {"type": "parcel.send", "aggregate": "row-1", "sender": "a"},
        {"type": "parcel.move", "aggregate": "row-2", "place": "x"},
        {"type": "parcel.send", "aggregate": "row-3", "sender": "a", "weight": 31},
        {"type": "parcel.move", "aggregate": "row-1", "place": "x"},
    ]
    receipts = http.post("/api/commands", commands).json
    outcomes = [(receipt["outcome"], receipt.get("code")) for receipt in receipts]
    assert outcomes == [
        ("committed", None),
        ("failed", "aggregate-unknown"),
        ("rejected", "too-heavy"),
        ("committed", None),
    ]


def test_a_large_array_is_answered_whole(http: Http) -> None:
    commands = [{"type": "parcel.send", "aggregate": f"large-{n}", "sender": "a"} for n in range(1_500)]
    receipts = http.post("/api/commands", commands).json
    assert [receipt["outcome"] for receipt in receipts] == ["committed"] * 1_500
    names = [receipt["id"] for receipt in http.post("/api/commands", commands).json]
    assert len(set(names)) == 1_500


@pytest.mark.parametrize(
    ("type", "fields", "status", "code"),
    [
        ("parcel.send", {"aggregate": "no-1", "sender": "ann", "weight": 31}, 422, "too-heavy"),
        ("parcel.send", {"aggregate": "no-1", "sender": "ann", "weight": "3"}, 400, "malformed"),
        ("parcel.send", {"aggregate": "no-1"}, 400, "malformed"),
        ("parcel.send", {"aggregate": "", "sender": "a"}, 400, "malformed"),
        ("parcel.send", {"aggregate": "no-1", "sender": "a", "id": "short"}, 400, "malformed"),
        ("parcel.send", [], 400, "malformed"),
        ("parcel.send", b"{", 400, "malformed"),
        ("parcel.send", b"\xff", 400, "malformed"),
        ("parcel.send", b"", 400, "malformed"),
        ("parcel.burn", {"aggregate": "no-1"}, 404, "unknown-command"),
        ("parcel.move", {"aggregate": "no-such", "place": "x"}, 404, "aggregate-unknown"),
    ],
)
def test_a_refusal_is_a_problem_with_a_stable_code(
    http: Http, type: str, fields: object, status: int, code: str
) -> None:
    answer = http.post(f"/api/commands/{type}", fields)
    assert (answer.status, answer.code) == (status, code)


def test_typical_slips_of_a_newcomer_say_what_to_do(http: Http) -> None:
    form = http.post("/api/commands/parcel.send", b"{}", Content_Type="application/x-www-form-urlencoded")
    assert "Content-Type: application/json" in form.json["detail"]
    assert "/openapi.json" in http.get("/api").json["detail"]
    opened = http.get("/api/commands/parcel.send")  # in a browser
    assert (opened.status, opened.headers["allow"]) == (405, "POST")


def test_a_type_that_is_not_known_is_named_with_its_place(http: Http) -> None:
    ask = {"type": "parcel.ask", "aggregate": "p-1"}
    answer = http.post("/api/commands", [ask, ask | {"type": "parcel.burn"}])
    assert (answer.code, answer.json["index"]) == ("unknown-command", 1)


def test_an_aggregate_of_another_version_is_412(http: Http) -> None:
    http.send("parcel.send", "v-1", sender="ann")
    path, move = "/api/commands/parcel.move", {"aggregate": "v-1", "place": "x"}
    assert http.post(path, move, If_Match='"7"').status == 412
    assert http.post(path, move, If_Match='"7"').code == "wrong-version"
    assert http.post(path, move, If_Match='"1"').status == 200
    assert (
        http.post("/api/commands/parcel.send", {"aggregate": "v-2", "sender": "a"}, If_None_Match="*").json[
            "version"
        ]
        == 1
    )
    for match in ("yes", '"2', '2"', '""2""', "*", "", '"2", "3"', 'W/"2"'):
        assert http.post(path, move, If_Match=match).code == "bad-request", match
    for none in ('"*', '"2"', ""):
        assert http.post(path, move, If_None_Match=none).code == "bad-request", none
    assert http.post(path, move, If_Match='"2"', If_None_Match="*").code == "bad-request"
    assert http.post(path, move, If_Match="2").status == 200


def test_a_handler_that_raises_is_500_and_says_so(http: Http) -> None:
    http.send("parcel.send", "bug-1", sender="ann")
    answer = http.send("parcel.move", "bug-1", place="crash")
    assert (answer.status, answer.code) == (500, "handler-bug")


def test_accepted_is_202_and_the_outcome_follows(http: Http) -> None:
    answer = http.post("/api/commands/parcel.send?wait=accepted", {"aggregate": "early", "sender": "a"})
    assert (answer.status, answer.json["outcome"]) in ((202, "accepted"), (200, "committed"))
    again = http.post(
        "/api/commands/parcel.send", {"aggregate": "early", "sender": "a", "id": answer.json["id"]}
    )
    assert again.json["outcome"] == "committed"


def test_a_view_can_be_waited_for(http: Http) -> None:
    path = "/api/commands/parcel.send?wait=projected:parcels"
    assert http.post(path, {"aggregate": "seen", "sender": "a"}).json["view_ready"] is True
    assert http.get("/api/views/parcels/parcel?parcel=seen").json == {"sender": "a", "place": ""}
    assert http.post("/api/commands/parcel.send?wait=projected:no", {}).code == "bad-request"


def test_a_time_that_is_up_is_504_with_the_id_to_send_again(node: Node, http: Http) -> None:
    os.kill(node.pids["core-0"], signal.SIGSTOP)
    try:
        answer = http.post("/api/commands/parcel.send?timeout_ms=200", {"aggregate": "late", "sender": "a"})
    finally:
        os.kill(node.pids["core-0"], signal.SIGCONT)
    assert (answer.status, answer.code) == (504, "unknown")
    again = http.send("parcel.send", "late", sender="a", id=answer.json["id"])
    assert again.status == 200


def test_what_is_sent_by_http_and_by_the_client_is_one_thing(node: Node, http: Http) -> None:
    receipt = http.send("parcel.send", "both", sender="ann").json
    with Client(node.endpoints) as client:
        at = receipt["partition"], receipt["position"]
        assert client.query("parcels", "parcel", {"parcel": "both"}, at_least=at)["sender"] == "ann"


def test_a_full_node_is_busy_with_a_time_to_come_back(tmp_path: Path) -> None:
    with gateway(tmp_path, disk_reserve_bytes=1 << 44) as (_, http):
        answer = http.post("/api/commands/parcel.send?timeout_ms=3000", {"aggregate": "p", "sender": "a"})
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "busy", "1")
        many = [{"type": "parcel.ask", "aggregate": "p"}] * 2
        assert http.post("/api/commands?timeout_ms=300", many).status == 503
