"""Queries over HTTP: typed by the signature, waited for by position, cached by ETag."""

import threading

import pytest

from tests.gateway.http import Answer, Http

PARCEL = "/api/views/parcels/parcel?parcel="


def test_an_answer_contains_the_position_that_is_asked_for(http: Http) -> None:
    receipt = http.send("parcel.send", "q-1", sender="ann").json
    answer = http.get(f"{PARCEL}q-1&at_least={receipt['partition']}:{receipt['position']}")
    assert answer.json == {"sender": "ann", "place": ""}
    assert int(answer.headers["ringfold-positions"]) >= receipt["position"]


def test_a_position_that_does_not_come_in_time_is_504(http: Http) -> None:
    answer = http.get(f"{PARCEL}q-1&at_least=0:1000000&timeout_ms=50")
    assert (answer.status, answer.code) == (504, "behind")


def test_an_answer_that_has_not_changed_is_304(http: Http) -> None:
    receipt = http.send("parcel.send", "q-2", sender="ann").json
    first = http.get(f"{PARCEL}q-2&at_least=0:{receipt['position']}")
    again = http.get(f"{PARCEL}q-2", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert http.get(f"{PARCEL}q-2", If_None_Match='"other"').status == 200


def test_an_answer_is_waited_for_until_the_view_has_moved_on(http: Http) -> None:
    receipt = http.send("parcel.send", "q-3", sender="ann").json
    first = http.get(f"{PARCEL}q-3&at_least=0:{receipt['position']}")
    answers: list[Answer] = []
    path = f"{PARCEL}q-3&after={first.headers['ringfold-positions']}&timeout_ms=20000"
    waiting = threading.Thread(target=lambda: answers.append(http.get(path)))
    waiting.start()
    http.send("parcel.move", "q-3", place="Lyon")
    waiting.join(20)
    assert answers[0].json == {"sender": "ann", "place": "Lyon"}


def test_arguments_are_what_their_types_say(http: Http) -> None:
    http.send("parcel.send", "42", sender="7")
    receipt = http.send("parcel.send", "43", sender="7").json
    at = f"at_least=0:{receipt['position']}"
    assert http.get(f"{PARCEL}42&{at}").json == {"sender": "7", "place": ""}
    assert http.get("/api/views/parcels/sent_by?sender=7&limit=1").json == ["42"]
    assert http.get("/api/views/parcels/sent_by?sender=7&limit=one").code == "malformed"
    assert http.post("/api/views/parcels/any_of", {"parcels": ["43"]}).json == {
        "43": {"sender": "7", "place": ""}
    }
    assert http.get("/api/views/parcels/any_of?parcels=[%2243%22]").json == {
        "43": {"sender": "7", "place": ""}
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/views/parcels/parcel", 400, "malformed"),
        (f"{PARCEL}x&more=1", 400, "malformed"),
        (f"{PARCEL}x&parcel=y", 400, "bad-request"),
        (f"{PARCEL}x&at_least=1:1", 400, "bad-request"),
        (f"{PARCEL}x&at_least=0:-1", 400, "bad-request"),
        (f"{PARCEL}x&at_least=0:99999999999999999999", 400, "bad-request"),
        (f"{PARCEL}x&after=1,2", 400, "bad-request"),
        (f"{PARCEL}x&timeout_ms=60001", 400, "bad-request"),
        ("/api/views/parcels/lost", 404, "unknown-query"),
        ("/api/views/no/parcel", 404, "unknown-view"),
        ("/api/views/parcels/rebuild", 404, "unknown-query"),
        ("/api/views/parcels/secret", 403, "not-allowed"),
    ],
)
def test_a_query_that_cannot_be_answered_is_a_problem(http: Http, path: str, status: int, code: str) -> None:
    answer = http.get(path)
    assert (answer.status, answer.code) == (status, code)
