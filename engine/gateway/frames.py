"""Frames: an entry of the log as a stream carries it.

    sse     id: 12,7                            the positions after this entry, one for each partition
            data: {"partition":0,"position":12,…}

    jsonl   {"after":[12,7],"partition":0,"position":12,…}

A client that comes back with the id that it saw last gets everything after that and nothing twice. A beat is
sent into silence: a comment, and the id of where the stream is.
"""

from collections.abc import Sequence

from starlette.requests import Request

from engine.gateway.problems import Problem
from engine.reading.lines import line
from engine.reading.tail import StoredEntry

SSE, LINES = "sse", "jsonl"
MEDIA_TYPES = {SSE: "text/event-stream", LINES: "application/jsonl"}
RETRY_MS = 1_000
LINES_TOO = ("*/*", "application/*", "application/jsonl", "application/x-ndjson", "application/json")
FAREWELLS = {SSE: b"retry: %d\n\n" % RETRY_MS, LINES: b""}


def form_of(request: Request) -> str:
    """What the client accepts; lines where it says nothing. Raises Problem."""
    accepted = request.headers.get("accept", "*/*")
    kinds = [kind.partition(";")[0].strip().lower() for kind in accepted.split(",")]
    if MEDIA_TYPES[SSE] in kinds:
        return SSE
    if any(kind in LINES_TOO for kind in kinds):
        return LINES
    raise Problem("not-acceptable", f"events are {' or '.join(MEDIA_TYPES.values())}")


class Frame:
    """One entry in every form, each made when it is first wanted. `positions`: after it."""

    __slots__ = ("_forms", "_positions", "_stored")

    def __init__(self, stored: StoredEntry, positions: Sequence[int]) -> None:
        self._stored = stored
        self._positions = positions
        self._forms: dict[str, bytes] = {}

    def as_(self, form: str) -> bytes:
        """The bytes of a form. To be asked for at once: `positions` go on."""
        made = self._forms.get(form)
        if made is None:
            at, text = positions_text(self._positions), line(self._stored)
            if form == SSE:
                made = b"id: %b\ndata: %b\n\n" % (at, text)
            else:
                made = b'{"after":[%b],%b\n' % (at, text[1:])
            self._forms[form] = made
        return made


def positions_text(positions: Sequence[int]) -> bytes:
    """Positions, by commas."""
    return ",".join(map(str, positions)).encode()


def beat_of(form: str, positions: Sequence[int]) -> bytes:
    """What says that a stream is alive, and where it is."""
    at = positions_text(positions)
    return b": \nid: %b\n\n" % at if form == SSE else b'{"after":[%b]}\n' % at
