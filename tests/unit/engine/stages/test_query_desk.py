"""The query desk: answers now, or when the view is far enough, or says why not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from engine.follow.questions import Refused
from engine.stages import query_desk
from engine.stages.query_desk import Desk, desk_socket
from tests.corpora import corpus
from tests.deadline import until


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    number: int


def twice(request: Asked) -> int:
    if request.number < 0:
        raise ValueError("below zero")
    return 2 * request.number


class Answers:
    def __init__(self) -> None:
        self.positions = [5, 3]
        self.meanwhile: list[int] = []  # where it is after the next answer

    def answer(
        self, query: str, args: msgspec.Raw | bytes, texts: Mapping[str, str] | None = None
    ) -> bytes:
        if self.meanwhile:
            self.positions = self.meanwhile
        if texts:
            return msgspec.json.encode(texts)
        if query == "positions":
            return b"null"
        if query == "stranger":
            raise Refused("query-failed", "\udcff")
        if query != "twice":
            raise Refused("unknown-query", "twice")
        try:
            return msgspec.json.encode(twice(msgspec.json.decode(args, type=Asked)))
        except msgspec.DecodeError as error:
            raise Refused("malformed", str(error)) from None
        except ValueError as error:
            raise Refused("query-failed", str(error)) from None


class Asker:
    def __init__(self, endpoint: str) -> None:
        self.answers = Answers()
        self.positions = self.answers.positions
        self.desk = Desk(desk_socket(endpoint), self.answers)
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)

    def ask(self, body: bytes | dict[str, Any]) -> None:
        self.socket.send(body if isinstance(body, bytes) else msgspec.json.encode(body))
        until(self.desk.serve)

    def answer(self) -> dict[str, Any]:
        assert self.socket.poll(5000), "no answer"
        found: dict[str, Any] = msgspec.json.decode(self.socket.recv())
        return found

    def has_answer(self) -> bool:
        return bool(self.socket.poll(20))


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    asker = Asker(f"ipc://{tmp_path}/q")
    yield asker
    asker.desk.close()
    asker.socket.close()


def test_a_query_is_answered_with_the_positions_it_was_answered_at(asker: Asker) -> None:
    asker.ask({"request": 1, "query": "twice", "args": {"number": 21}})
    assert asker.answer() == {"request": 1, "positions": [5, 3], "answer": 42}


def test_every_view_tells_its_positions(asker: Asker) -> None:
    asker.ask({"request": "p", "query": "positions"})
    assert asker.answer() == {"request": "p", "positions": [5, 3], "answer": None}


def test_a_query_waits_until_the_view_is_far_enough(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "at_least": [1, 4], "timeout_ms": 5000})
    assert not asker.has_answer()
    asker.positions[1] = 4
    asker.desk.serve()
    assert asker.answer()["answer"] == 2


def test_a_query_that_waits_too_long_is_told_that_the_view_is_behind(asker: Asker) -> None:
    asker.ask({"request": 9, "query": "twice", "args": {"number": 1}, "at_least": [0, 6], "timeout_ms": 1})
    until(asker.desk.serve)
    answer = asker.answer()
    assert (answer["request"], answer["error"]) == (9, "behind")


def test_a_query_after_an_answer_waits_until_the_view_has_moved_on_in_any_partition(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "after": [5, 3], "timeout_ms": 5000})
    assert not asker.has_answer()
    asker.positions[1] = 4
    asker.desk.serve()
    assert asker.answer() == {"request": None, "positions": [5, 4], "answer": 2}


def test_a_query_after_an_answer_that_the_view_is_beyond_is_answered_at_once(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "after": [4, 3], "timeout_ms": 5000})
    assert asker.answer()["answer"] == 2


def test_where_a_view_does_not_move_it_answers_in_the_end_all_the_same(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "after": [5, 3], "timeout_ms": 1})
    until(asker.desk.serve)
    assert asker.answer()["answer"] == 2


def test_a_projector_need_not_look_into_the_store_for_those_who_wait_for_anything_new(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "after": [5, 3], "timeout_ms": 60_000})
    asker.desk.serve()
    assert asker.desk.patience() > 1.0
    assert not asker.desk.waits_long()
    asker.ask({"query": "twice", "args": {"number": 1}, "at_least": [0, 6], "timeout_ms": 60_000})
    asker.desk.serve()
    assert asker.desk.patience() < 0.1
    until(lambda: asker.desk.serve() or asker.desk.waits_long())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "no-such"}, "unknown-query"),
        ({"query": "twice", "args": {"number": "x"}}, "malformed"),
        ({"query": "twice", "args": {"number": 1, "more": 2}}, "malformed"),
        ({"query": "twice", "args": {"number": -1}}, "query-failed"),
        ({"query": "twice", "at_least": [7, 1]}, "malformed"),
        ({"query": "twice", "after": [1]}, "malformed"),
        (b"{not json", "malformed"),
        (b"", "malformed"),
    ],
)
def test_a_bad_query_is_refused_by_code_and_the_desk_goes_on(
    asker: Asker, body: bytes | dict[str, Any], code: str
) -> None:
    asker.ask(body)
    assert asker.answer()["error"] == code
    asker.ask({"query": "twice", "args": {"number": 2}})
    assert asker.answer()["answer"] == 4


def test_a_req_socket_is_answered_too(asker: Asker, tmp_path: Path) -> None:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(f"ipc://{tmp_path}/q")
    socket.send(b'{"query":"twice","args":{"number":4}}')
    until(asker.desk.serve)
    assert socket.poll(5000)
    assert msgspec.json.decode(socket.recv())["answer"] == 8
    socket.close()


def test_closing_tells_those_who_wait(asker: Asker) -> None:
    asker.ask({"query": "twice", "args": {"number": 1}, "at_least": [0, 99], "timeout_ms": 60000})
    asker.desk.close()
    assert asker.answer()["error"] == "stopping"


def test_arguments_that_were_typed_arrive_as_texts(asker: Asker) -> None:
    asker.ask({"query": "twice", "texts": {"number": "21"}})
    assert asker.answer()["answer"] == {"number": "21"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"query":"\xff"}',
        b'{"query":"twice","request":"\xff"}',
        b'{"query":"twice","texts":{"number":"\xff"}}',
        b'{"query":"twice","args":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
    ids=["query", "request", "texts", "nesting"],
)
def test_bytes_that_are_no_text_and_endless_nesting_are_malformed(asker: Asker, body: bytes) -> None:
    asker.ask(body)
    refusal = asker.answer()
    assert (refusal["request"], refusal["error"]) == (None, "malformed")


def test_a_timeout_below_zero_is_none_however_far_below(asker: Asker) -> None:
    never = b'{"query":"twice","at_least":[0,9],"timeout_ms":-' + b"9" * 400 + b"}"
    asker.ask(never)
    until(asker.desk.serve)
    assert asker.answer()["error"] == "behind"


def test_a_refusal_arrives_whatever_characters_its_error_has(asker: Asker) -> None:
    asker.ask({"query": "stranger"})
    assert asker.answer()["message"] == r"\udcff"


def test_an_answer_does_not_claim_what_was_stored_while_it_was_made(asker: Asker) -> None:
    asker.answers.meanwhile = [6, 3]
    asker.ask({"query": "positions"})
    assert asker.answer()["positions"] == [5, 3]


@pytest.fixture
def _every_query_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_desk, "TURN_S", -1.0)


@pytest.mark.usefixtures("_every_query_is_slow")
def test_slow_queries_leave_the_process_its_beat(asker: Asker) -> None:
    for _ in range(3):
        asker.socket.send(b'{"query":"positions"}')
    until(lambda: asker.desk.socket.poll(10))
    assert asker.desk.serve()
    assert asker.answer()
    assert not asker.has_answer()


@pytest.mark.usefixtures("_every_query_is_slow")
def test_slow_answers_to_held_queries_leave_it_too(asker: Asker) -> None:
    for _ in range(3):
        asker.ask({"query": "positions", "at_least": [0, 6], "timeout_ms": 60_000})
    asker.answers.positions[0] = 6
    for _ in range(3):
        assert asker.desk.serve()
        assert asker.desk.patience() == 0
        assert asker.answer()
        assert not asker.has_answer()


def test_held_queries_may_not_fill_the_memory(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_desk, "MAX_WAITING_BYTES", 1_000)
    held = {"query": "twice", "at_least": [0, 6], "timeout_ms": 60_000}
    asker.ask({**held, "args": {"number": "9" * 890}})
    asker.ask({**held, "request": 2})
    refusal = asker.answer()
    assert (refusal["request"], refusal["error"]) == (2, "busy")
    asker.answers.positions[0] = 6
    until(asker.desk.serve)
    assert asker.answer()["error"] == "malformed"
    asker.answers.positions[0] = 5
    asker.ask({**held, "request": 3})  # there is room again
    assert not asker.has_answer()


@pytest.mark.parametrize("body", (queries := corpus("queries")).values(), ids=queries)
def test_every_hostile_query_is_answered_and_the_desk_goes_on(asker: Asker, body: bytes) -> None:
    asker.ask(body)
    until(lambda: asker.desk.serve() or asker.socket.poll(0))
    assert asker.answer().keys() & {"error", "answer"}
    asker.ask({"query": "twice", "args": {"number": 2}})
    assert asker.answer()["answer"] == 4
