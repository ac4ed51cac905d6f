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
from msgspec.structs import replace

from engine.client.conversation import Conversation, Ticket
from engine.client.endpoints import NodeLocation, address_of, answer_in, dealer, question
from engine.client.receipts import QueryRefused, Receipt, Wait, view_waited_for
from engine.client.sync import GRACE_S, TIMEOUT_S
from engine.model.messages import Command

TICK_S = 0.05
CLOSED = "the client is closed"


class AsyncClient:
    """For one event loop. Make it where the loop runs."""

    def __init__(self, node: NodeLocation, *, batch: int = 100) -> None:
        address = address_of(node)
        self._views = address.queries
        self._talk = Conversation(
            min(batch, address.commands_per_message), max_message_bytes=address.message_bytes
        )
        self._loop = asyncio.get_running_loop()
        self._socket = dealer(address.commands)
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self._desks: dict[str, _Desk] = {}
        self._asked = 0
        self._flush_planned = False
        self._closed = False
        self._room = asyncio.Event()
        self._ticking = self._loop.create_task(self._tick())

    async def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Never raises for an outcome: look at the receipt."""
        view = view_waited_for(wait, self._views)
        until = time.monotonic() + timeout_s
        while self._talk.full:
            self._room.clear()
            await self._room.wait()
        if self._closed:
            raise RuntimeError(CLOSED)
        now = time.monotonic()
        level = "committed" if view else wait
        ticket = self._talk.submit(command, level, now, max(0.0, until - now))
        if wait != "sent":
            ticket.done = self._loop.create_future()
        if self._talk.batch_ready:
            self._flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)
        if wait == "sent":
            return Receipt("sent", command.id)
        receipt: Receipt = await ticket.done
        if view is not None and receipt.outcome == "committed":
            left_s = max(0.001, until - time.monotonic())
            try:
                await self.query(view, "positions", at_least=receipt.at, timeout_s=left_s)
            except (QueryRefused, TimeoutError) as error:
                text = f"committed, but view {view} lags: {error}"
                return replace(receipt, outcome="unknown", message=text)
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
        if self._closed:
            raise QueryRefused("closed", CLOSED)
        desk = self._desks.get(view)
        if desk is None:
            desk = self._desks[view] = _Desk(self._loop, self._views[view])
        self._asked += 1
        number = self._asked
        future = desk.ask(number, question(query, args, at_least, timeout_s, number))
        try:
            return await asyncio.wait_for(future, timeout_s + GRACE_S)
        except TimeoutError:
            raise TimeoutError(f"view {view} did not answer within {timeout_s} s") from None
        finally:
            desk.waiting.pop(number, None)

    async def close(self) -> None:
        """Closes the sockets. What is in flight stays unknown, and whoever waits for it is told so."""
        if self._closed:
            return
        self._closed = True
        self._ticking.cancel()
        self._settle(self._talk.give_up())
        self._room.set()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for desk in self._desks.values():
            desk.close()

    def _flush(self) -> None:
        self._flush_planned = False
        if self._closed:
            return
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._receive()  # the descriptor tells of changes only: sending may have swallowed one

    def _receive(self) -> None:
        try:
            while True:
                self._settle(self._talk.incoming(self._socket.recv(zmq.NOBLOCK), time.monotonic()))
        except zmq.Again:
            return

    def _settle(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if ticket.done is not None and not ticket.done.done():
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


class _Desk:
    """The socket of one view, and who waits for an answer, by the number of the request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: str) -> None:
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self._loop = loop
        self._socket = dealer(endpoint)
        loop.add_reader(self._socket.fileno(), self._receive)

    def ask(self, number: int, frame: bytes) -> "asyncio.Future[Any]":
        future = self.waiting[number] = self._loop.create_future()
        self._socket.send(frame)
        self._receive()  # for the same reason as above
        return future

    def close(self) -> None:
        self._end(list(self.waiting), QueryRefused("closed", CLOSED))
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _receive(self) -> None:
        try:
            while True:
                number, answer = answer_in(self._socket.recv(zmq.NOBLOCK))
                # Without a number it may be for any of them: better all are refused than all wait in vain.
                self._end(list(self.waiting) if number is None else [number], answer)
        except zmq.Again:
            return

    def _end(self, numbers: list[int], answer: Any) -> None:
        for number in numbers:
            future = self.waiting.pop(number, None)
            if future is None or future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
