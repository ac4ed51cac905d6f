"""The client for asyncio: the same conversation, driven by the event loop.

    async with AsyncClient("./ringfold-data") as client:
        receipts = await asyncio.gather(*(client.send(command) for command in commands))

Commands sent in one turn of the loop leave together in batches.
"""

import asyncio
import time
from types import TracebackType
from typing import Any

import zmq

from engine.client.conversation import Conversation, Ticket
from engine.client.endpoints import Where, answer_to, dealer, endpoints_of, question
from engine.client.receipts import QueryRefused, Receipt, Wait
from engine.client.sync import TIMEOUT_S
from engine.model.messages import Command

TICK_S = 0.05


class AsyncClient:
    """For one event loop. Make it where the loop runs."""

    def __init__(self, where: Where, *, batch: int = 100) -> None:
        commands, self._views = endpoints_of(where)
        self._talk = Conversation(batch)
        self._loop = asyncio.get_running_loop()
        self._socket = dealer(commands)
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self._queries: dict[str, zmq.Socket[bytes]] = {}
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self._flush_planned = False
        self._room = asyncio.Event()
        self._room.set()
        self._ticking = self._loop.create_task(self._tick())

    async def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Never raises for an outcome: look at the receipt."""
        until = time.monotonic() + timeout_s
        while self._talk.full:
            self._room.clear()
            await self._room.wait()
        ticket = self._talk.submit(command, wait, time.monotonic(), timeout_s)
        ticket.done = self._loop.create_future()
        if self._talk.batch_ready:
            self._flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)
        receipt: Receipt = await ticket.done
        view = wait.removeprefix("projected:")
        if view != wait and receipt.outcome == "committed":
            left_s = max(0.001, until - time.monotonic())
            try:
                await self.query(view, "positions", at_least=receipt.at, timeout_s=left_s)
            except (QueryRefused, TimeoutError) as error:
                return Receipt("unknown", receipt.id, message=f"committed, but view {view} lags: {error}")
        return receipt

    async def query(
        self,
        view: str,
        query: str,
        args: Any = None,
        *,
        at_least: tuple[int, int] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """Asks a view; the same as the other client's, awaited."""
        socket = self._queries.get(view)
        if socket is None:
            socket = self._queries[view] = dealer(self._views[view])
            self._loop.add_reader(socket.fileno(), self._receive_answers, socket)
        self._asked += 1
        number = self._asked
        future = self._waiting[number] = self._loop.create_future()
        socket.send(question(query, args, at_least, timeout_s, number))
        self._receive_answers(socket)
        try:
            return await asyncio.wait_for(future, timeout_s + 0.5)
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Closes the sockets. What is in flight stays unknown."""
        self._ticking.cancel()
        for socket in (self._socket, *self._queries.values()):
            self._loop.remove_reader(socket.fileno())
            socket.close()

    def _flush(self) -> None:
        self._flush_planned = False
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._receive()  # the descriptor tells of changes only: sending may have swallowed one

    def _receive(self) -> None:
        try:
            while True:
                self._settle(self._talk.incoming(self._socket.recv(zmq.NOBLOCK), time.monotonic()))
        except zmq.Again:
            return

    def _receive_answers(self, socket: "zmq.Socket[bytes]") -> None:
        try:
            while True:
                frame = socket.recv(zmq.NOBLOCK)
                for number, future in list(self._waiting.items()):
                    try:
                        mine, answer = answer_to(number, frame)
                    except QueryRefused as error:
                        mine, answer = True, error
                    if mine and not future.done():
                        if isinstance(answer, QueryRefused):
                            future.set_exception(answer)
                        else:
                            future.set_result(answer)
        except zmq.Again:
            return

    def _settle(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if not ticket.done.done():
                ticket.done.set_result(ticket.receipt)
        if tickets:
            self._room.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._settle(self._talk.expire(time.monotonic()))
            self._flush()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
