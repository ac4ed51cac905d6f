"""Bodies: JSON alone, of bounded size each and together."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from engine.gateway.bodies import Bodies
from engine.gateway.problems import Problem


def request(*parts: bytes, kind: str = "application/json", **headers: str) -> Request:
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    named = [(b"content-type", kind.encode())]
    named += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": named}, receive)


def code(bodies: Bodies, asked: Request, most: int = 100) -> str:
    with pytest.raises(Problem) as raised:
        asyncio.run(bodies.json(asked, most))
    return raised.value.code


def test_a_body_is_read_whole_and_counted_until_its_request_is_answered() -> None:
    bodies, asked = Bodies(), request(b'{"a":', b"1}")
    assert asyncio.run(bodies.json(asked, 100)) == b'{"a":1}'
    assert bodies.bytes == 7
    bodies.release(asked.scope)
    bodies.release(asked.scope)
    assert bodies.bytes == 0


def test_what_is_too_large_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    bodies = Bodies()
    assert code(bodies, request(content_length="101")) == "too-large"
    said_nothing = request(b"x" * 60, b"x" * 60)
    assert code(bodies, said_nothing) == "too-large"
    bodies.release(said_nothing.scope)
    assert bodies.bytes == 0


def test_all_together_are_bounded() -> None:
    bodies, first = Bodies(most_bytes=10), request(b"12345678")
    asyncio.run(bodies.json(first, 100))
    second = request(b"123")
    assert code(bodies, second) == "busy"
    bodies.release(second.scope)
    bodies.release(first.scope)
    assert asyncio.run(bodies.json(request(b"123"), 100)) == b"123"


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json;charset=latin-1", "application/jsonp"])
def test_only_json_in_utf_8_is_read(kind: str) -> None:
    assert code(Bodies(), request(b"{}", kind=kind)) == "not-json"


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_may_say_its_charset(kind: str) -> None:
    assert asyncio.run(Bodies().json(request(b"{}", kind=kind), 10)) == b"{}"
