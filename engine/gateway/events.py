"""Events over HTTP: what is stored, and what comes.

    GET /api/events     Accept: text/event-stream     past, then live, as server-sent events
                        Accept: application/jsonl     a page of the past, a line each; with ?follow=1 live too

    ?after=POSITION,…   after these, one for each partition; a stream without it begins with what comes
    ?types=NAME,…       entries with an event of one of these types
    ?aggregate=ID       of one aggregate
    ?partition=N        of one partition
    ?limit=             of a page, 1,000 unless given

Past and live meet without a gap and without a repeat: a stream reads pages of the past until there is no
more, joins the hub, reads what is between its last page and the hub's positions, and from there on gets what
the hub offers.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.gateway.context import Context
from engine.gateway.frames import FAREWELLS, MEDIA_TYPES, SSE, form_of, positions_text
from engine.gateway.hub import MOST_STREAMS, Wanted
from engine.gateway.parameters import expect_known, number_in, positions_in
from engine.gateway.past import fill, framed, read
from engine.gateway.problems import Problem
from engine.gateway.streams import Stream, send_stream
from engine.model.access import Role
from engine.reading.questions import DEFAULT_ENTRIES, MOST_ENTRIES

PARAMETERS = ("after", "types", "aggregate", "partition", "limit", "follow")
LONGEST_FILTER = 4_096
UNBUFFERED = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


class Events:
    """The route for events."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, request: Request) -> Response:
        """A page, or a stream."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request, *PARAMETERS)
        form = form_of(request)
        wanted = self._wanted(request, form)
        follow = request.query_params.get("follow", "1" if form == SSE else "0")
        if follow not in ("0", "1"):
            raise Problem("bad-request", "follow is 0 or 1")
        limit = number_in(request, "limit", DEFAULT_ENTRIES, least=1, most=MOST_ENTRIES)
        after = await self._after(request, from_now=follow == "1")
        if follow == "0":
            return await self._page(wanted, after, limit)
        if self._context.hub.count >= MOST_STREAMS:
            raise Problem("too-many-streams", f"{MOST_STREAMS} streams are open already")
        return _Answer(self._context, wanted, after)

    async def _page(self, wanted: Wanted, after: list[int], limit: int) -> Response:
        page = await self._context.read(read, self._context.stores, wanted, after, limit)
        piece, _ = framed(page, wanted.form, after)
        headers = {"ringfold-after": positions_text(page.after).decode()}
        headers["ringfold-more"] = str(int(page.more))
        return Response(piece, headers=headers, media_type=MEDIA_TYPES[wanted.form])

    def _wanted(self, request: Request, form: str) -> Wanted:
        parameters, partitions = request.query_params, self._context.endpoints.partitions
        types = tuple(sorted(set(filter(None, parameters.get("types", "").split(",")))))
        aggregate = parameters.get("aggregate", "")
        if sum(map(len, types)) + len(aggregate) > LONGEST_FILTER:
            raise Problem("bad-request", f"types and aggregate have at most {LONGEST_FILTER} characters")
        partition = -1
        if "partition" in parameters:
            partition = number_in(request, "partition", 0, most=partitions - 1)
        return Wanted(form, types, aggregate, partition)

    async def _after(self, request: Request, *, from_now: bool) -> list[int]:
        """Where it begins: behind the last id that the client saw, where `after` says, or where the log ends
        now."""
        context, partitions = self._context, self._context.endpoints.partitions
        stored = await context.read(context.stores.positions)
        seen, after = request.headers.get("last-event-id"), request.query_params.get("after")
        if seen:
            begin = positions_in(seen, partitions, "Last-Event-ID")
        elif after is not None:
            begin = positions_in(after, partitions, "after")
        else:
            return stored if from_now else [0] * partitions
        if any(own > other for own, other in zip(begin, stored, strict=True)):
            text = "the log ends before these positions: it is another one, or was restored from a copy"
            raise Problem("ahead", text, stored=stored)
        return begin


class _Answer(Response):
    """A stream as an answer."""

    def __init__(self, context: Context, wanted: Wanted, after: list[int]) -> None:
        self._context, self._wanted, self._after = context, wanted, after
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        form, hub = self._wanted.form, self._context.hub
        stream = Stream(FAREWELLS[form])
        headers = [(b"content-type", MEDIA_TYPES[form].encode()), *UNBUFFERED]
        hub.open(stream)
        filling = asyncio.create_task(fill(self._context, self._wanted, self._after, stream))
        try:
            await send_stream(stream, headers, scope, receive, send)
        finally:
            filling.cancel()
            hub.leave(self._wanted, stream)
        if filling.done() and not filling.cancelled() and (error := filling.exception()):
            raise error
