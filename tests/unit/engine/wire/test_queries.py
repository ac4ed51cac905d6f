"""Queries: what is asked arrives as it was asked, and so does the answer."""

import msgspec
import pytest

from engine.wire.queries import (
    Answered,
    Refused,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)


def test_a_request_says_only_what_is_not_understood_without_it() -> None:
    assert encode_request("left") == b'{"query":"left"}'


def test_a_request_comes_back_as_it_was_asked() -> None:
    request = decode_request(
        encode_request("left", {"item": "apples"}, request=7, at_least=(0, 4), after=[2], timeout_ms=50)
    )
    assert (request.query, request.request, request.at_least, request.timeout_ms) == ("left", 7, (0, 4), 50)
    assert request.after == [2]
    assert msgspec.json.decode(request.args) == {"item": "apples"}


def test_a_request_without_arguments_has_empty_ones() -> None:
    assert bytes(decode_request(b'{"query":"left"}').args) == b"{}"


@pytest.mark.parametrize("answer", [b"null", b"2", b'{"a":[1]}'])
def test_an_answer_arrives_encoded_as_it_left(answer: bytes) -> None:
    received = decode_answer(encode_answer(Answered("a", [4, 2], msgspec.Raw(answer))))
    assert (received.request, received.positions, bytes(received.answer)) == ("a", [4, 2], answer)
    assert received.error == ""


def test_a_refusal_arrives_with_its_code() -> None:
    received = decode_answer(encode_answer(Refused(None, [4], "behind", "wait")))
    assert (received.request, received.error, received.message) == (None, "behind", "wait")
