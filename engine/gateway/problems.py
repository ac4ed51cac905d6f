"""Problems: how the gateway says no, as RFC 9457 has it, with a `code` that stays.

    {"type": "urn:ringfold:problem:rejected", "title": "A rule refused the command", "status": 422,
     "code": "sold-out", "detail": "only 3 left", "id": "019ab0f3…"}

`code` is for programs. Of a command it is the one that the node answered with (docs/PROTOCOL.md); the others
stand in the table below. `type` says whose fault it is, `title` says the same in words.
"""

from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:ringfold:problem:"

TITLES = {
    "request": "The request cannot be understood",
    "forbidden": "The request is not allowed",
    "missing": "There is no such thing",
    "rejected": "A rule refused the command",
    "failed": "The command could not be handled",
    "busy": "The node has no room now",
    "unknown": "It is not known what became of the command",
    "query": "The query was not answered",
}

CODES: dict[str, tuple[int, str]] = {  # the gateway's own: code → (status, kind)
    "bad-request": (400, "request"),
    "malformed": (400, "request"),
    "unknown-host": (421, "forbidden"),
    "foreign-origin": (403, "forbidden"),
    "no-token": (401, "forbidden"),
    "bad-token": (401, "forbidden"),
    "not-allowed": (403, "forbidden"),
    "not-yours": (403, "forbidden"),
    "insecure": (403, "forbidden"),
    "not-found": (404, "missing"),
    "unknown-command": (404, "missing"),
    "unknown-view": (404, "missing"),
    "unknown-query": (404, "missing"),
    "aggregate-unknown": (404, "missing"),
    "method-not-allowed": (405, "request"),
    "not-acceptable": (406, "request"),
    "too-slow": (408, "request"),
    "ahead": (409, "request"),
    "building": (409, "query"),
    "not-set-aside": (409, "query"),
    "too-large": (413, "request"),
    "too-many": (413, "request"),
    "not-json": (415, "request"),
    "too-long": (422, "request"),
    "query-failed": (500, "query"),
    "poisoned": (500, "query"),
    "unreadable": (500, "query"),
    "gateway-bug": (500, "request"),
    "failed": (503, "query"),
    "busy": (503, "busy"),
    "stopping": (503, "busy"),
    "too-many-streams": (503, "busy"),
    "behind": (504, "query"),
    "silent": (504, "query"),
    "unknown": (504, "unknown"),
}

FAILED = {  # a command's `failed`, by its code; others are 422
    "malformed": 400,
    "unknown-command": 404,
    "aggregate-unknown": 404,
    "wrong-aggregate": 409,
    "too-large": 413,
    "too-many": 413,
    "cannot-be-stored": 422,
    "handler-bug": 500,
    "unreadable": 500,
    "poisoned": 500,
}
RETRY_AFTER_S = 1  # a whole number is all that the header holds


class Problem(Exception):
    """A request that is answered with a problem. `more`: further members of its document."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 0,
        kind: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code, detail)
        known = CODES.get(code, (422, "request"))
        self.code, self.detail, self.more = code, detail, more
        self.status, self.kind = status or known[0], kind or known[1]
        self.headers = dict(headers or {})
        if self.status == 503:
            self.headers.setdefault("retry-after", str(RETRY_AFTER_S))
        if self.status == 401:
            self.headers.setdefault("www-authenticate", 'Bearer realm="ringfold"')

    def response(self) -> Response:
        """As it is answered."""
        document = {
            "type": TYPE + self.kind,
            "title": TITLES[self.kind],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.more,
        }
        return Response(orjson.dumps(document), self.status, self.headers, MEDIA_TYPE)
