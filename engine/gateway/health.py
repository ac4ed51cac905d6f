"""Health: whether the node lives, and whether it can do its work, for what watches it.

    GET /health/live    200 while the supervisor keeps the node up; the gateway ends with it
    GET /health/ready   200 if every process is at work, every follower answers and is not far behind, and the
                        disk has room; 503 otherwise, with the reasons

Both are for all to ask, and say nothing that they could misuse.
"""

import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.base.files import free_bytes
from engine.gateway.context import Context
from engine.gateway.problems import Problem
from engine.node.followers import Follower
from engine.node.status import State

MOST_LAG_S = 10.0
PATIENCE_S = 1.0  # for a view that is busy
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
        lags = await asyncio.gather(*map(self._lag_s, followers))
        for follower, lag_s in zip(followers, lags, strict=True):
            if lag_s is None:
                found.append(f"{follower.role.name} does not answer")
            elif lag_s > MOST_LAG_S:
                found.append(f"{follower.role.name} is {lag_s:.0f} s behind")
        free = free_bytes(self._context.data.path)
        if free < self._context.config.disk_reserve_bytes:
            found.append(f"the disk has {free} bytes left")
        return found

    async def _lag_s(self, follower: Follower) -> float | None:
        """How far a view, process manager or worker is behind; None if it does not say so now."""
        try:
            lags = await self._context.ask(follower, "lag", timeout_s=PATIENCE_S)
        except Problem:
            return None
        return max((lag["seconds"] for lag in lags.values()), default=0.0)
