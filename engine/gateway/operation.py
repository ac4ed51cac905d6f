"""Operation over HTTP: what an operator looks at, and the few things that one does.

    GET  /api/node                                    processes, lags, positions, notices
    GET  /api/node/settings                           each setting and where it came from
    GET  /api/node/views                              versions, what is being built, how far
    POST /api/node/views/VIEW/rebuild
    GET  /api/node/dead-letters
    POST /api/node/dead-letters/NAME/retry            {"aggregate": …}, or {} for all
    POST /api/node/dead-letters/NAME/drop             {"aggregate": …}
    GET  /api/node/process-managers                   commands on their way, timers that are set
    GET  /api/node/process-managers/NAME/instances/ID
    GET  /api/node/audit                              what operators did, newest first

What changes something goes into the audit log, before it is tried and again with its outcome.
"""

import asyncio
from collections import deque
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.base.decoding import NOT_DECODABLE
from engine.base.masking import MASK, names_a_secret, without_users
from engine.gateway.audit import Audit
from engine.gateway.callers import Caller
from engine.gateway.context import Context
from engine.gateway.parameters import expect_known, number_in
from engine.gateway.problems import Problem
from engine.model.access import Role
from engine.node.cluster_view import read_view
from engine.node.followers import Follower
from engine.node.overview import notices, with_lags
from engine.node.roles import GATEWAY, INPUT, READER
from engine.node.senders import read_senders
from engine.wire.documents import encode_document

PATIENCE_S = 1.0  # for each that is asked
ACTION_S = 60.0  # a retry may have to apply much that was held
MOST_BODY, MOST_LINES, LINES = 4_096, 10_000, 100


class _Letter(msgspec.Struct, forbid_unknown_fields=True):
    aggregate: str = ""


class Operation:
    """The routes for operators."""

    def __init__(self, context: Context) -> None:
        self._context, self._audit = context, Audit(context.data.audit)

    async def node(self, request: Request) -> Response:
        """The whole, at one look."""
        _expect_operator(request)
        context = self._context
        snapshot = context.page.snapshot()
        rows = with_lags(snapshot, context.endpoints)
        followers = context.followers()
        for follower, lags in zip(followers, await self._asked(followers, "lag"), strict=True):
            if "error" not in lags:
                rows[follower.role.name]["lag_s"] = max(
                    (lag["seconds"] for lag in lags.values()), default=0.0
                )
        behind_ms = context.page.slot(INPUT.name).clock_behind_ms
        told = notices(context.data, behind_ms, context.page.slot(READER.name).scrub_left)
        return _answer(
            {
                "application": context.endpoints.app,
                "partitions": context.endpoints.partitions,
                "positions": await context.read(context.stores.positions),
                "now_ns": context.data.clock.now_ns(),
                "cluster": msgspec.to_builtins(read_view(context.endpoints.run)),
                "senders": {
                    role.name: msgspec.to_builtins(read_senders(context.endpoints.run, role.name).senders)
                    for role in (INPUT, GATEWAY)
                },
                "streams": context.hub.count,
                "notices": told,
                "processes": list(rows.values()),
            }
        )

    async def settings(self, request: Request) -> Response:
        """Each setting, its value, and where it came from."""
        _expect_operator(request)
        node = self._context.node
        values = msgspec.structs.asdict(node.config) | node.app_settings
        names = [name for name in node.origins if name in values]
        return _answer(
            [
                {
                    "name": name,
                    "value": _shown(name, values[name]),
                    "source": node.origins[name],
                }
                for name in names
            ]
        )

    async def views(self, request: Request) -> Response:
        """The views: what is served, what is being built, how far they are."""
        _expect_operator(request)
        views = self._context.followers("view")
        versions = await self._asked(views, "versions")
        lags = await self._asked(views, "lag")
        return _answer(
            [
                {"view": view.name, **told, "lag": lag}
                for view, told, lag in zip(views, versions, lags, strict=True)
            ]
        )

    async def rebuild(self, request: Request) -> Response:
        """Begins to build a view again."""
        _expect_operator(request)
        view = self._context.follower(request.path_params["view"], "view")
        await self._arguments(request)
        told = await self._done(request, view, "view rebuild", "rebuild", None)
        return _answer(told, 202)

    async def dead_letters(self, request: Request) -> Response:
        """What the handlers of views and process managers failed on."""
        _expect_operator(request)
        asked = [one for one in self._context.followers() if one.kind != "worker"]
        told = await self._asked(asked, "dead-letters")
        letters: list[Any] = []
        for follower, some in zip(asked, told, strict=True):
            of = {"kind": follower.kind, "follower": follower.name}
            letters += [{**of, **letter} for letter in ([some] if isinstance(some, dict) else some)]
        return _answer(letters)

    async def retry(self, request: Request) -> Response:
        """Tries again now; answers what is left."""
        return await self._letter(request, "retry")

    async def drop(self, request: Request) -> Response:
        """Skips the commit that fails; answers what is left."""
        return await self._letter(request, "drop")

    async def _letter(self, request: Request, verb: str) -> Response:
        _expect_operator(request)
        follower = self._context.follower(request.path_params["name"])
        if follower.kind == "worker":
            raise Problem("not-found", "a worker sets nothing aside, it tries again")
        letter = await self._arguments(request)
        if verb == "drop" and not letter.aggregate:
            raise Problem("malformed", "name the aggregate")
        args = {"aggregate": letter.aggregate}
        return _answer(
            await self._done(request, follower, f"dead-letter {verb}", f"dead-letter-{verb}", args)
        )

    async def process_managers(self, request: Request) -> Response:
        """What process managers have under way, and the timers that are set."""
        _expect_operator(request)
        managers = self._context.followers("process-manager")
        parts = await asyncio.gather(*(self._asked(managers, query) for query in ("outbox", "timers", "lag")))
        return _answer(
            [
                {"process_manager": manager.name, "outbox": outbox, "timers": timers, "lag": lag}
                for manager, outbox, timers, lag in zip(managers, *parts, strict=True)
            ]
        )

    async def instance(self, request: Request) -> Response:
        """What a process manager has under way for one id."""
        _expect_operator(request)
        manager = self._context.follower(request.path_params["name"], "process-manager")
        return _answer(await self._context.ask(manager, "instance", {"id": request.path_params["id"]}))

    async def audit(self, request: Request) -> Response:
        """What operators did, newest first."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request, "limit")
        limit = number_in(request, "limit", LINES, least=1, most=MOST_LINES)
        lines = await self._context.read(lambda: deque(self._audit.lines(), limit))
        return _answer(list(reversed(lines)))

    async def _arguments(self, request: Request) -> _Letter:
        try:
            return msgspec.json.decode(await self._context.bodies.json(request, MOST_BODY), type=_Letter)
        except NOT_DECODABLE as error:
            raise Problem("malformed", str(error)) from None

    async def _asked(self, followers: list[Follower], query: str) -> list[Any]:
        """The answer of each; of one that does not answer, {"error": code, "message": …}."""

        async def one(follower: Follower) -> Any:
            try:
                return await self._context.ask(follower, query, timeout_s=PATIENCE_S)
            except Problem as problem:
                return {"error": problem.code, "message": problem.detail}

        return await asyncio.gather(*map(one, followers))

    async def _done(self, request: Request, follower: Follower, action: str, query: str, args: Any) -> Any:
        """Does it, and notes who did."""
        caller: Caller = request.scope["caller"]
        source = request.client.host if request.client is not None else ""
        what = " ".join([follower.name, *filter(None, (args or {}).values())])

        def note(outcome: str) -> None:
            self._audit.note(caller.name, action, what, outcome, source=source)

        await asyncio.to_thread(note, "tried")
        try:
            told = await self._context.ask(follower, query, args, timeout_s=ACTION_S)
        except Problem as problem:
            await asyncio.to_thread(note, problem.code)
            raise
        await asyncio.to_thread(note, "ok")
        return told


def _expect_operator(request: Request) -> None:
    request.scope["caller"].expect(Role.OPERATOR)
    expect_known(request)


def _answer(document: Any, status: int = 200) -> Response:
    return Response(encode_document(document), status, media_type="application/json")


def _shown(name: str, value: Any) -> Any:
    """The value of a setting without what is secret in it."""
    if value and names_a_secret(name):
        return MASK
    return without_users(value) if isinstance(value, str) else value
