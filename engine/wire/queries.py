"""Queries to a view or a process manager, and their answers. One JSON object a frame.

    request  {"request": any, "query": name, "args": {…} or "texts": {name: text},
              "at_least": [partition, position], "after": [n per partition], "timeout_ms": n}
    answer   {"request": any, "positions": [n per partition], "answer": …}
    refusal  {"request": any, "positions": [n per partition], "error": code, "message": text}

`request` comes back unchanged, so that the client knows what is answered; it is null if the request could not
be read. Only `query` is needed in a request.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.base.decoding import NOT_DECODABLE

DEFAULT_TIMEOUT_MS = 1000
MAX_REQUEST_BYTES = 1 << 16  # above that ZeroMQ closes the connection, and nothing says why
NO_ARGUMENTS = msgspec.Raw(b"{}")
_encode = msgspec.json.Encoder().encode

RequestId = str | int | None


class Request(msgspec.Struct, omit_defaults=True):
    """A query on its way. `at_least`: the (partition, position) that the view must contain to answer, for
    which it may wait `timeout_ms`. `after`: the positions of an earlier answer; the view waits as long until
    it is beyond them in any partition, and then answers in any case. `texts` replace `args` if a
    person typed them; the declared type decides what each means."""

    query: str
    request: RequestId = None
    args: msgspec.Raw = NO_ARGUMENTS
    at_least: tuple[int, int] | None = None
    after: list[int] | None = None
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    texts: dict[str, str] = {}


class Answered(msgspec.Struct, frozen=True):
    """The answer, encoded, and how far the view was when it was given."""

    request: RequestId
    positions: list[int]
    answer: msgspec.Raw


class Refused(msgspec.Struct, frozen=True):
    """A refusal in place of an answer. `error`: a stable code, see docs/PROTOCOL.md."""

    request: RequestId
    positions: list[int]
    error: str
    message: str


class Received(msgspec.Struct, frozen=True):
    """An answer or a refusal as the client reads it. `error` is empty if it is an answer."""

    request: RequestId
    answer: msgspec.Raw = msgspec.Raw(b"null")
    positions: list[int] = []
    error: str = ""
    message: str = ""


def encode_request(
    query: str,
    args: Any = None,
    *,
    request: RequestId = None,
    at_least: tuple[int, int] | None = None,
    after: list[int] | None = None,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """The frame of a request. `args`: anything that JSON holds; None for no arguments."""
    raw = NO_ARGUMENTS if args is None else msgspec.Raw(_encode(args))
    return _encode(Request(query, request, raw, at_least, after, timeout_ms, dict(texts or {})))


def wrong_with_request(frame: bytes) -> str:
    """Why a view would not take a request; empty if it would."""
    size = len(frame)
    if size <= MAX_REQUEST_BYTES:
        return ""
    return f"a query may have {MAX_REQUEST_BYTES} bytes with its arguments, this one has {size}"


_decode_request = msgspec.json.Decoder(Request).decode


def decode_request(body: bytes) -> Request:
    """The request in a frame. Raises what stands in `engine.base.decoding.NOT_DECODABLE`."""
    body.decode()  # of fields that nothing reads msgspec would not know that they are no text
    return _decode_request(body)


def encode_answer(answer: Answered | Refused) -> bytes:
    """The frame of an answer or a refusal."""
    return _encode(answer)


decode_answer = msgspec.json.Decoder(Received).decode


class _Numbered(msgspec.Struct, frozen=True):
    request: int


_decode_numbered = msgspec.json.Decoder(_Numbered).decode


def number_of(frame: bytes) -> int | None:
    """The number of the request that an answer is to, if only that can be read."""
    try:
        return _decode_numbered(frame).request
    except NOT_DECODABLE:
        return None
