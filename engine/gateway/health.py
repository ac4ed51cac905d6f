"""Health: whether the node lives, and whether it can do its work, for what watches it.

    GET /health/live    200 while the supervisor keeps the node up; the gateway ends with it
    GET /health/ready   200 if every process is at work, input and followers answer, none is far behind, the
                        disk has room, and in a cluster the servers are reached and the logs are followed;
                        503 otherwise, with the reasons

Both are for all to ask, and say nothing that they could misuse.
"""

import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.base.files import free_bytes
from engine.gateway.context import Context
from engine.gateway.problems import Problem
from engine.node.cluster_view import MOST_LAG_S, read_view, troubles_in
from engine.node.followers import Follower
from engine.node.roles import INPUT
from engine.node.status import State

PATIENCE_S = 1.0  # for a process that is busy
LOOK_S = 0.01
WORD = {"content-type": "application/json"}


class Health:
    """The routes for what watches a node."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looking: asyncio.Task[list[str]] | None = None

    async def live(self, _: Request) -> Response:
        """That it lives."""
        return Response(b'{"live":true}', headers=WORD)

    async def ready(self, _: Request) -> Response:
        """Whether it can do its work."""
        if self._looking is None or self._looking.done():  # one look for all that ask meanwhile
            self._looking = asyncio.create_task(self.reasons())
        reasons = await asyncio.shield(self._looking)
        body = orjson.dumps({"ready": not reasons, "reasons": reasons})
        return Response(body, 503 if reasons else 200, WORD)

    async def reasons(self) -> list[str]:
        """What keeps the node from its work, a sentence each."""
        page = self._context.page
        found = []
        for name in page.names:
            state = State(page.slot(name).state)
            if state is not State.RUNNING:
                found.append(f"{name} is {state.name.lower().replace('_', '-')}")
        followers = self._context.followers()
        moving, *lags = await asyncio.gather(self._input_moves(), *map(self._lag_s, followers))
        if not moving:
            found.append("input does not answer")
        for follower, lag_s in zip(followers, lags, strict=True):
            if lag_s is None:
                found.append(f"{follower.role.name} does not answer")
            elif lag_s > MOST_LAG_S:
                found.append(f"{follower.role.name} is {lag_s:.0f} s behind")
        found += self._cluster()
        free = free_bytes(self._context.data.path)
        if free < self._context.config.disk_reserve_bytes:
            found.append(f"the disk has {free} bytes left")
        return found

    async def _input_moves(self) -> bool:
        """True if the input process is seen to go on, as it does many times a second even when idle."""
        slot, loop = self._context.page.slot(INPUT.name), asyncio.get_running_loop()
        before, until = slot.progress, loop.time() + PATIENCE_S
        while slot.progress == before and loop.time() < until:
            await asyncio.sleep(LOOK_S)
        return slot.progress != before

    def _cluster(self) -> list[str]:
        """What another node of the cluster may do better."""
        context = self._context
        view = read_view(context.endpoints.run) if context.config.cluster else None
        if view is None:
            return []
        silent = context.page.slot(INPUT.name).silent
        troubles = troubles_in(view, workers="", silent=silent)
        return [trouble.text for trouble in troubles if trouble.is_mine]

    async def _lag_s(self, follower: Follower) -> float | None:
        """How far a view, process manager or worker is behind; None if it does not say so now."""
        try:
            lags = await self._context.ask(follower, "lag", timeout_s=PATIENCE_S)
        except Problem:
            return None
        return max((lag["seconds"] for lag in lags.values()), default=0.0)
