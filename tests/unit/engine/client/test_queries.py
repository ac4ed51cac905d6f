"""The client's half of queries: what is asked, and how long an answer is waited for."""

from typing import Any

import msgspec
import pytest

from engine import QueryRefused, Receipt
from engine.client.queries import HELD_S, PAUSE_S, AtLeast, Question, Told, Watch, endpoint_of, told_in
from engine.wire.queries import MAX_REQUEST_BYTES, Answered, Refused, decode_request, encode_answer

ASKED = Question("view", "left", {"item": "apples"})


def told(answer: Any, *positions: int) -> Told:
    return Told(msgspec.Raw(msgspec.json.encode(answer)), list(positions))


def watch(timeout_s: float = 10.0, at_least: AtLeast = None) -> Watch:
    return Watch(ASKED, lambda answer: answer > 5, at_least, timeout_s, now=100.0)


@pytest.mark.parametrize(
    ("at_least", "position"),
    [
        (None, None),
        ((1, 4), (1, 4)),
        (Receipt("committed", "c", 1, 1, 4), (1, 4)),
        (Receipt("unchanged", "c"), None),
        (Receipt("rejected", "c"), None),
    ],
)
def test_a_receipt_is_a_position_if_its_command_has_events(at_least: AtLeast, position: Any) -> None:
    request = decode_request(ASKED.frame(7, at_least, None, 0.25))
    assert (request.request, request.at_least, request.timeout_ms) == (7, position, 250)


def test_a_query_that_a_view_would_not_take_is_refused_here_and_not_sent() -> None:
    room = MAX_REQUEST_BYTES - len(Question("view", "left", {"item": ""}).frame(7, None, None, 0.25))
    frame = Question("view", "left", {"item": room * "a"}).frame(7, None, None, 0.25)
    assert len(frame) == MAX_REQUEST_BYTES
    with pytest.raises(QueryRefused, match=r"too-large: .* 65536 bytes .* has 65537"):
        Question("view", "left", {"item": (room + 1) * "a"}).frame(7, None, None, 0.25)


def test_an_answer_and_a_refusal_are_told_apart() -> None:
    assert told_in(encode_answer(Answered(3, [8], msgspec.Raw(b"6")))) == (3, told(6, 8))
    number, refused = told_in(encode_answer(Refused(None, [8], "malformed", "no JSON")))
    assert number is None
    assert isinstance(refused, QueryRefused)
    assert refused.code == "malformed"


def test_where_there_is_no_view_at_all_that_is_said() -> None:
    with pytest.raises(QueryRefused, match="there is no view 'a'; the node has no views"):
        endpoint_of("a", {})


def test_an_answer_that_will_do_ends_the_wait() -> None:
    waiting = watch()
    waiting.told(told(6, 1, 1), now=101.0)
    assert (waiting.done, waiting.answer) == (True, 6)


def test_after_one_that_will_not_do_what_comes_after_it_is_asked_for() -> None:
    waiting = watch(at_least=(0, 3))
    assert (waiting.at_least, waiting.after) == ((0, 3), None)
    waiting.told(told(5, 3, 1), now=101.0)
    assert (waiting.done, waiting.at_least, waiting.after) == (False, (0, 3), [3, 1])


def test_a_view_holds_a_request_no_longer_than_there_is_time_or_than_is_safe() -> None:
    waiting = watch(timeout_s=HELD_S + 1.0)
    assert waiting.held_s(100.0) == HELD_S
    assert waiting.held_s(102.5) == pytest.approx(HELD_S - 1.5)


def test_when_the_time_is_up_the_last_answer_is_told() -> None:
    waiting = watch()
    waiting.told(told(5, 3), now=109.9)
    with pytest.raises(TimeoutError, match=r"left of view view is not as wanted, 10.0 s .*: it answers 5"):
        waiting.told(told(5, 3), now=110.0)


def test_one_that_will_do_at_the_last_moment_will_do() -> None:
    waiting = watch()
    waiting.told(told(6, 3), now=111.0)
    assert waiting.done


@pytest.mark.parametrize(("code", "pause_s"), [("behind", 0.0), ("busy", PAUSE_S), ("stopping", PAUSE_S)])
def test_a_refusal_that_may_be_different_soon_is_asked_again(code: str, pause_s: float) -> None:
    waiting = watch()
    assert waiting.refused(QueryRefused(code, "not now"), now=101.0) == pause_s
    with pytest.raises(TimeoutError, match="not now"):
        waiting.refused(QueryRefused(code, "not now"), now=110.0)


def test_a_request_that_is_lost_is_asked_again() -> None:
    waiting = watch()
    assert waiting.refused(TimeoutError("no answer"), now=101.0) == 0.0
    with pytest.raises(TimeoutError, match="no answer"):
        waiting.refused(TimeoutError("no answer"), now=110.0)


def test_a_refusal_that_stays_is_raised() -> None:
    with pytest.raises(QueryRefused, match="unknown-query"):
        watch().refused(QueryRefused("unknown-query", "this view has: left"), now=101.0)


def test_an_answer_that_cannot_be_read_refuses_its_own_question() -> None:
    number, refusal = told_in(b'{"request":7,"positions":["one"],"answer":1}')
    assert number == 7
    assert isinstance(refusal, QueryRefused)
    assert refusal.code == "unreadable"
    deep = b'{"request":8,"positions":[],"answer":' + 5_000 * b"[" + 5_000 * b"]" + b"}"
    assert isinstance(told_in(deep)[1], QueryRefused)
    assert told_in(b"\xff")[0] is None
