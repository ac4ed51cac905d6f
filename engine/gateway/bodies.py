"""Bodies of requests: JSON alone, of bounded size, and there in time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from engine.gateway.problems import Problem

JSON = "application/json"
BODY_S = 10.0  # in which a body must be there: who sends one byte a second holds up no one else, but a socket


async def json_body(request: Request, most_bytes: int) -> bytes:
    """The body, not decoded. Raises Problem.

    Only `application/json` is read: a page of another origin can send forms and texts without asking, and
    cannot send this.
    """
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != JSON or charset not in ("", "utf-8"):
        raise Problem("not-json", f"the body must be {JSON}, in UTF-8")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most_bytes:
        raise _too_large(most_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                parts.append(part)
    except TimeoutError:
        raise Problem("too-slow", f"the body did not come within {BODY_S:g} s", headers=CLOSING) from None
    except ClientDisconnect:
        raise Problem("bad-request", "the client left before its body had come") from None
    return b"".join(parts)


CLOSING = {"connection": "close"}


def _too_large(most_bytes: int) -> Problem:
    return Problem("too-large", f"a body has at most {most_bytes} bytes", headers=CLOSING)
