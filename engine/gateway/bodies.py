"""Bodies of requests: JSON alone, of bounded size each and together, and there in time.

What a body needs is counted until its request is answered, because so long it, or what was decoded from it,
is kept. When MOST_BYTES are in use the next one is refused as `busy`.
"""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from engine.gateway.problems import Problem

JSON = "application/json"
BODY_S = 10.0  # in which a body must be there: who sends one byte a second holds up no one else, but a socket
MOST_BYTES = 64 << 20  # of all bodies
USED = "ringfold.bytes"  # in the scope of a request
CLOSING = {"connection": "close"}


class Bodies:
    """The bodies of all requests that are not answered yet."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.bytes = 0

    async def json(self, request: Request, most_bytes: int) -> bytes:
        """The body, not decoded. Raises Problem.

        Only `application/json` is read: a page of another origin can send forms and texts without asking, and
        cannot send this.
        """
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.strip().lower().removeprefix("charset=").strip('"')
        if kind.strip().lower() != JSON or charset not in ("", "utf-8"):
            raise Problem("not-json", f"the body must be JSON in UTF-8, with the header Content-Type: {JSON}")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Problem("not-json", "the body must be as it is, without a Content-Encoding")
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > most_bytes:
            raise _too_large(most_bytes)
        try:
            async with asyncio.timeout(BODY_S):
                return await self._read(request, most_bytes)
        except TimeoutError:
            text = f"the body did not come within {BODY_S:g} s"
            raise Problem("too-slow", text, headers=CLOSING) from None
        except ClientDisconnect:
            raise Problem("bad-request", "the client left before its body had come") from None

    def release(self, scope: Scope) -> None:
        """The request is answered."""
        self.bytes -= scope.pop(USED, 0)

    async def _read(self, request: Request, most_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > most_bytes:
                raise _too_large(most_bytes)
            if self.bytes + len(part) > self._most_bytes:
                raise Problem("busy", "too much is being sent to the gateway", headers=CLOSING)
            self.bytes += len(part)
            request.scope[USED] = size
            parts.append(part)
        return b"".join(parts)


def _too_large(most_bytes: int) -> Problem:
    return Problem("too-large", f"a body has at most {most_bytes} bytes", headers=CLOSING)
