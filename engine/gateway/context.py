"""The context of a request: what every route of the gateway works with."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec

from engine.base.spans import spans_of
from engine.client.aio import AsyncClient
from engine.client.queries import QueryRefused, Question
from engine.gateway.bodies import Bodies
from engine.gateway.hub import Hub
from engine.gateway.problems import Problem
from engine.gateway.tokens import Tokens
from engine.model.app import Engine
from engine.node.description import NodeDescription
from engine.node.followers import Follower, followers
from engine.node.senders import Tally
from engine.node.status import StatusPage
from engine.reading.stores import Stores

BATCH = 500  # commands that leave together: what comes in one turn of the loop, or an array

P = ParamSpec("P")
R = TypeVar("R")


class Context:
    """The node as its gateway sees it: by the public client, the stored log, and the status page.

    `read`: runs what reads the log in a thread of its own, one after the other, so that a long page of the
    past delays no command. `tally`: how much each caller asks for.
    """

    def __init__(self, node: NodeDescription, app: Engine, page: StatusPage) -> None:
        self.node, self.app, self.page = node, app, page
        self.tokens, self.bodies, self.tally = Tokens(node.data.tokens), Bodies(), Tally[str]()
        self.config, self.endpoints, self.data = node.config, node.endpoints, node.data
        self.stores = Stores(self.data.path)
        self.client = AsyncClient(self.endpoints, batch=BATCH)
        # A process manager may have the name of a view, so it is asked by a client that knows no views.
        managers = {"commands": self.endpoints.commands, "queries": self.endpoints.process_managers}
        self._of_managers = AsyncClient(managers)
        self.spans = spans_of(self.config.traces, "ringfold gateway")
        self.hub = Hub(self.stores, self.endpoints.events)
        self._reading = ThreadPoolExecutor(1, "reading")

    async def ask(self, follower: Follower, query: str, args: Any = None, *, timeout_s: float = 5.0) -> Any:
        """What a view, process manager or worker answers, for an operator. Raises Problem."""
        client = self._of_managers if follower.kind == "process-manager" else self.client
        try:
            told = await client.ask(Question(follower.name, query, args), None, None, timeout_s)
        except QueryRefused as refused:
            raise refusal(refused) from None
        except TimeoutError as error:
            raise Problem("silent", str(error)) from None
        return msgspec.json.decode(told.answer)

    def followers(self, kind: str = "") -> list[Follower]:
        """All views, process managers and workers, or those of one kind."""
        return [one for one in followers(self.endpoints) if not kind or one.kind == kind]

    def follower(self, name: str, kind: str = "") -> Follower:
        """The one of that name. Raises Problem."""
        known = self.followers(kind)
        for one in known:
            if name in (one.name, f"{one.kind}:{one.name}"):
                return one
        text = f"there is no {kind or 'view, process manager or worker'} {name!r}"
        raise Problem("not-found", f"{text}; the node has {', '.join(one.name for one in known) or 'none'}")

    async def read(self, work: Callable[P, R], /, *args: P.args, **named: P.kwargs) -> R:
        """The result of `work`, in the thread that reads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, partial(work, *args, **named))

    def stop(self) -> None:
        """Ends what would go on for ever."""
        self.hub.stop()

    async def close(self) -> None:
        """Ends what was begun."""
        await self.hub.close()
        self._reading.shutdown(wait=True, cancel_futures=True)
        if self.spans is not None:
            self.spans.close()
        await self._of_managers.close()
        await self.client.close()
        self.stores.close()


def refusal(refused: QueryRefused) -> Problem:
    """A query that was not answered."""
    detail = refused.message.partition(": ")[2] or refused.message
    return Problem({"closed": "stopping"}.get(refused.code, refused.code), detail)
