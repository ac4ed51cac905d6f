"""Aggregates over HTTP: the state of one, at any of its versions, and what changed since another.

    GET /api/aggregates/ID              now
    GET /api/aggregates/ID?version=7    as it was then
    GET /api/aggregates/ID?since=5      with the changes between that version and the one shown

The application makes the state from the stored events, as a start of the node would. Its events are
`/api/events?aggregate=ID`.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.gateway.context import Context
from engine.gateway.parameters import expect_known, number_in
from engine.gateway.problems import Problem
from engine.model.access import Role
from engine.reading.changes import changes
from engine.reading.history import aggregates_at
from engine.reading.log import EventLog
from engine.reading.plain import state_of
from engine.wire.documents import encode_document

MOST_VERSIONS = 100_000  # applied for one answer: a second or two, in which no page of the log is read


class Aggregates:
    """The route for aggregates."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, request: Request) -> Response:
        """The state."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request, "version", "since")
        id, parameters = request.path_params["id"], request.query_params
        version = number_in(request, "version", 0, least=1) if "version" in parameters else None
        since = number_in(request, "since", 0) if "since" in parameters else None
        shown = await self._context.read(self._shown, id, version, since)
        return Response(encode_document(shown), media_type="application/json")

    def _shown(self, id: str, version: int | None, since: int | None) -> dict[str, Any]:
        context = self._context
        with EventLog(context.data.path, context.app) as log:
            newest = next(log.aggregate_back(id), None)
            if newest is None:
                raise Problem("not-found", f"there is no aggregate {id!r}")
            last = newest.commit.version
            wanted = last if version is None else version
            if wanted > last:
                raise Problem("not-found", f"{id!r} has no version {wanted}; its last is {last}")
            if since is not None and since > wanted:
                raise Problem("bad-request", "since is a version before the one that is shown")
            if wanted > MOST_VERSIONS:
                text = f"{MOST_VERSIONS} versions at most are applied here; use `ringfold aggregate show`"
                raise Problem("too-long", text)
            before: Any = {}
            for aggregate, entry in aggregates_at(log, context.app, id, {wanted, since or wanted}):
                state = state_of(aggregate)
                if entry.commit.version == wanted:
                    break
                before = state
            commit = entry.commit
        shown = {
            "aggregate": id,
            "kind": type(aggregate).__qualname__,
            "version": commit.version,
            "last_version": last,
            "partition": entry.partition,
            "position": entry.position,
            "command": commit.command,
            "time_ns": commit.time_ns,
            "state": state,
        }
        if since is not None:
            shown["since"] = since
            shown["changes"] = [] if since == wanted else list(changes(before, state))
        return shown
