"""Queries over HTTP: what a view or a worker of the application answers.

    GET  /api/views/VIEW/QUERY?argument=…     arguments as texts: each means what its declared type says
    POST /api/views/VIEW/QUERY                arguments as a JSON object

    ?at_least=PARTITION:POSITION   answer when the view contains this: what a `committed` answer said
    ?after=POSITION,…              answer when the view is beyond these, or when the time is up
    ?timeout_ms=                   how long to wait for either; 1,000 unless given, 60,000 at most

How far the view was stands in `Ringfold-Positions`, one position for each partition. `ETag` is that and a
hash of the answer; a request whose If-None-Match has it is answered 304.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.base.decoding import NOT_DECODABLE
from engine.client.queries import QueryRefused, Question
from engine.follow.arguments import arguments_of
from engine.gateway.context import Context, refusal
from engine.gateway.parameters import number_in, positions_in
from engine.gateway.problems import Problem
from engine.model.queries import Query
from engine.wire.queries import MAX_REQUEST_BYTES

OPTIONS = ("at_least", "after", "timeout_ms")
TIMEOUT_MS, LONGEST_TIMEOUT_MS = 1_000, 60_000
POSITIONS = "ringfold-positions"
LONGEST_ARGUMENTS = MAX_REQUEST_BYTES - 4_096  # the rest is for what stands around them


class Queries:
    """The routes for the queries of one application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        app = context.app
        self._queries: dict[str, Mapping[str, Query]] = {
            **{name: spec.queries for name, spec in app.workers.items()},
            **{name: spec.queries for name, spec in app.projections.items()},
        }

    async def get(self, request: Request) -> Response:
        """The answer, the arguments standing in the URL."""
        query = self._query(request)
        texts: dict[str, str] = {}
        for name, text in request.query_params.multi_items():
            if name in texts:
                raise Problem("bad-request", f"{name} is there twice")
            if name not in OPTIONS:
                texts[name] = text
        return await self._answer(request, query, arguments_of(texts, query.request))

    async def post(self, request: Request) -> Response:
        """The answer, the arguments standing in the body."""
        query = self._query(request)
        return await self._answer(request, query, await self._context.bodies.json(request, LONGEST_ARGUMENTS))

    def _query(self, request: Request) -> Query:
        view, name = request.path_params["view"], request.path_params["query"]
        if view not in self._queries:
            known = ", ".join(self._queries) or "no views"
            raise Problem("unknown-view", f"there is no view {view!r}; the node has {known}")
        query = self._queries[view].get(name)
        if query is None:
            raise Problem("unknown-query", f"this view has: {', '.join(self._queries[view]) or 'no queries'}")
        return query

    async def _answer(self, request: Request, query: Query, args: bytes) -> Response:
        try:
            values = msgspec.json.decode(args, type=query.request)
        except NOT_DECODABLE as error:
            raise Problem("malformed", str(error)) from None
        request.scope["caller"].expect_access(query.access, values)
        partitions = self._context.endpoints.partitions
        at_least = at_least_in(request, partitions)
        after = request.query_params.get("after")
        beyond = None if after is None else positions_in(after, partitions, "after")
        timeout_s = number_in(request, "timeout_ms", TIMEOUT_MS, most=LONGEST_TIMEOUT_MS) / 1000
        view, name = request.path_params["view"], request.path_params["query"]
        if len(args) > LONGEST_ARGUMENTS:
            raise Problem("too-large", f"arguments have at most {LONGEST_ARGUMENTS} bytes")
        question = Question(view, name, msgspec.Raw(args))
        try:
            told = await self._context.client.ask(question, at_least, beyond, timeout_s)
        except QueryRefused as refused:
            raise refusal(refused) from None
        except TimeoutError as error:
            raise Problem("silent", str(error)) from None
        body, positions = bytes(told.answer), ",".join(map(str, told.positions))
        headers = {"etag": f'"{positions}-{crc32(body):08x}"', POSITIONS: positions, "cache-control": CACHED}
        if headers["etag"] in request.headers.get("if-none-match", "").replace("W/", "").split(", "):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")


CACHED = "private, no-cache"  # to be kept for If-None-Match, and asked for each time


def at_least_in(request: Request, partitions: int) -> tuple[int, int] | None:
    """What an answer must contain; None: nothing. Raises Problem."""
    text: Any = request.query_params.get("at_least")
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise Problem("bad-request", "at_least is PARTITION:POSITION")
    partition, position = int(parts[0]), int(parts[1])
    if partition >= partitions or position >= 1 << 63:
        raise Problem("bad-request", f"at_least is of one of {partitions} partitions")
    return partition, position
