"""The client for asyncio: the same conversation, driven by the event loop.

    async with AsyncClient("./ringfold-data") as client:
        receipts = await asyncio.gather(*(client.send(command) for command in commands))

Commands sent in one turn of the loop leave together in batches.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, overload

import zmq

from engine.client.address import NodeAddress
from engine.client.arrival import LOOK_S, Arrival
from engine.client.asking import TIMEOUT_S
from engine.client.conversation import Conversation
from engine.client.gates import ELSEWHERE, Gates, Nodes
from engine.client.queries import GRACE_S, AtLeast, QueryRefused, Question, Told, Watch, endpoint_of
from engine.client.receipts import Receipt, Wait, view_waited_for, with_view
from engine.client.sockets import dealer
from engine.client.sync import ASK_AGAIN_S, CLOSED, FORKED, LEAVE_S, ONE, SILENT_S
from engine.client.tickets import Ticket, Together, why_no_command
from engine.client.typed import OwnQuery, P, R, ViewQuery, question_of
from engine.client.view_socket import ViewSocket
from engine.model.messages import Command

TICK_S = 0.05
OTHER_LOOP = "the client belongs to another event loop: make one in each"
NOT_OPEN = "a client with `wait_s` is opened by `async with`"


class AsyncClient:
    """For one event loop. Make it where the loop runs.

    `node`: a data directory, the contents of its endpoints.json, or a started `Node`; or a list of such, of
    the nodes of one cluster, of which one is used as long as it answers. `wait_s`: how long
    `async with` waits for a node that is just starting. `batch`: most commands in a message.
    """

    def __init__(self, node: Nodes, *, batch: int = 100, wait_s: float = 0.0) -> None:
        self._gates, self._batch, self._wait_s = Gates(node), batch, wait_s
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._is_open = self._closed = False
        if wait_s <= 0:
            self._open(self._gates.use(self._gates.known()[0]))

    def _open(self, address: NodeAddress) -> None:
        self._address = address
        self._heard_at = time.monotonic()
        self._talk = Conversation.with_limits(self._batch, address)
        self._socket = dealer(address.commands)
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self._view_sockets: dict[str, ViewSocket] = {}
        self._asked = 0
        self._flush_planned = False
        self._room = asyncio.Event()
        self._ticking = self._loop.create_task(self._tick())
        self._is_open = True

    # ------------------------------------------------------------------ commands

    async def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Raises nothing for an outcome: look at the receipt, or call its
        `raise_for_outcome`."""
        self._check_usable()
        view = view_waited_for(wait, self._address.queries)
        until = time.monotonic() + timeout_s
        await self._wait_for_room(until)
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
            return ticket.receipt or Receipt("sent", command.id)
        receipt: Receipt = await ticket.done
        if view is None or receipt.outcome != "committed":
            return receipt
        left_s = max(0.001, until - time.monotonic())
        try:
            await self.query(view, "positions", at_least=receipt, timeout_s=left_s)
        except (QueryRefused, TimeoutError) as error:
            return with_view(receipt, view, error)
        return with_view(receipt, view, None)

    async def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """Sends all, in batches, many in flight; returns their receipts in the same order."""
        if isinstance(commands, Command):
            raise TypeError(ONE)
        commands = list(commands)
        for command in commands:  # before any has its effect
            if not isinstance(command, Command):
                raise TypeError(why_no_command(command))
        if wait not in ("accepted", "committed"):
            return await asyncio.gather(*(self.send(command, wait, timeout_s) for command in commands))
        self._check_usable()
        until = time.monotonic() + timeout_s
        together = Together()
        tickets: list[Ticket] = []
        for command in commands:
            if self._talk.full:
                await self._wait_for_room(until)
            now = time.monotonic()
            ticket = self._talk.submit(command, wait, now, max(0.0, until - now))
            together.add(ticket)
            tickets.append(ticket)
            if self._talk.batch_ready:
                self._flush()
        self._flush()
        await together.end(self._loop)
        return [ticket.receipt for ticket in tickets if ticket.receipt is not None]

    async def _wait_for_room(self, until: float) -> None:
        """Returns when more may be submitted, or the time is up."""
        while self._talk.full and (left_s := until - time.monotonic()) > 0:
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), left_s)
        self._check_usable()

    def _flush(self) -> None:
        self._flush_planned = False
        if self._closed:
            return
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._receive()  # the descriptor reports only changes, and sending may have swallowed one

    def _receive(self) -> None:
        try:
            while True:
                frame = self._socket.recv(zmq.NOBLOCK)
                self._hear(time.monotonic())
                self._settle(self._talk.incoming(frame, self._heard_at))
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
            now = time.monotonic()
            asks = any(socket.waiting for socket in self._view_sockets.values())
            if self._talk.idle and not asks:
                self._hear(now)  # nothing is expected
            elif self._gates.searching or now > min(self._heard_at + SILENT_S, self._talk.full_at):
                self._find_again(now)
            self._settle(self._talk.expire(now))
            self._flush()

    def _hear(self, now: float) -> None:
        self._heard_at = now
        if self._gates.searching:
            self._gates.heard()

    def _find_again(self, now: float) -> None:
        """The node is silent, or full for long: if it is at another address now, or another node answers,
        everything is said again there."""
        self._heard_at = now
        address = self._gates.again(now, full=self._talk.is_full(now))
        if address is None:
            return
        if address.commands != self._address.commands:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = dealer(address.commands)
            self._loop.add_reader(self._socket.fileno(), self._receive)
            self._talk.send_again()
        for view, socket in self._view_sockets.items():
            if view in address.queries:
                socket.move(address.queries[view])
        self._address = address

    # ------------------------------------------------------------------ queries

    @overload
    async def query(
        self,
        view: str,
        /,
        query: str,
        args: Any = None,
        *,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any: ...
    @overload
    async def query(
        self,
        query: Callable[..., R],
        /,
        *args: Any,
        at_least: AtLeast,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> R: ...
    @overload
    async def query(self, query: Callable[..., R], /, *args: Any, timeout_s: float, **named: Any) -> R: ...
    @overload
    async def query(self, query: ViewQuery[P, R], /, *args: P.args, **named: P.kwargs) -> R: ...
    @overload
    async def query(self, query: OwnQuery[P, R], /, *args: P.args, **named: P.kwargs) -> R: ...
    async def query(
        self, view: Any, /, *args: Any, at_least: Any = None, timeout_s: Any = TIMEOUT_S, **named: Any
    ) -> Any:
        """Asks a view; the same as the other client's, awaited."""
        question = question_of(view, args, named)
        return question.decode((await self.ask(question, at_least, None, timeout_s)).answer)

    @overload
    async def until(
        self,
        view: str,
        /,
        query: str,
        args: Any = None,
        *,
        predicate: Callable[[Any], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any: ...
    @overload
    async def until(
        self,
        query: Callable[..., R],
        /,
        *args: Any,
        predicate: Callable[[R], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> R: ...
    async def until(
        self,
        view: Any,
        /,
        *args: Any,
        predicate: Callable[[Any], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> Any:
        """Asks a view until `predicate(answer)` is true; the same as the other client's, awaited."""
        question = question_of(view, args, named)
        return await self._watch(Watch(question, predicate, at_least, timeout_s, time.monotonic()))

    async def _watch(self, watch: Watch) -> Any:
        while not watch.done:
            held_s = watch.held_s(time.monotonic())
            try:
                told = await self.ask(watch.question, watch.at_least, watch.after, held_s)
            except (QueryRefused, TimeoutError) as error:
                await asyncio.sleep(watch.refused(error, time.monotonic()))
            else:
                watch.told(told, time.monotonic())
        return watch.answer

    async def ask(
        self, question: Question, at_least: AtLeast, after: list[int] | None, timeout_s: float
    ) -> Told:
        """The answer still encoded, and how far the view was: for what passes answers on. `after`: the
        positions of an earlier answer, beyond which the view should be, or the time be up."""
        self._check_usable()
        view = question.view
        socket = self._view_sockets.get(view)
        if socket is None:
            endpoint = endpoint_of(view, self._address.queries)
            socket = self._view_sockets[view] = ViewSocket(self._loop, endpoint)
        self._asked += 1
        number = self._asked
        future = socket.ask(number, question.frame(number, at_least, after, timeout_s))
        until = time.monotonic() + timeout_s + GRACE_S
        asked: set[str] = set()  # where another node was asked instead
        try:
            while True:
                left_s = until - time.monotonic()
                try:
                    return await asyncio.wait_for(asyncio.shield(future), min(left_s, ASK_AGAIN_S))
                except QueryRefused as refused:
                    asked.add(socket.endpoint)
                    endpoint = self._gates.beside(view, asked) if refused.code in ELSEWHERE else ""
                    if not endpoint:
                        raise
                    socket.move(endpoint)
                    frame = question.frame(number, at_least, after, max(0.0, left_s - GRACE_S))
                    future = socket.ask(number, frame)
                except TimeoutError:
                    if left_s <= ASK_AGAIN_S:
                        raise
                    frame = question.frame(number, at_least, after, max(0.0, left_s - GRACE_S))
                    socket.ask_again(number, frame)
        except TimeoutError:
            raise TimeoutError(f"view {view} did not answer within {timeout_s} s") from None
        finally:
            socket.waiting.pop(number, None)

    # ------------------------------------------------------------------ beginning and end

    async def close(self) -> None:
        """Closes the sockets. What is in flight stays unknown, and those who wait for it are told so. Closing
        again does nothing."""
        if self._closed or self._process != os.getpid():
            return
        if self._is_open:
            until = time.monotonic() + LEAVE_S
            while self._talk.leaving and time.monotonic() < until:
                await asyncio.sleep(0.005)
        self._closed = True
        if not self._is_open:
            return
        self._ticking.cancel()
        self._gates.close()
        self._settle(self._talk.give_up())
        self._room.set()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for socket in self._view_sockets.values():
            socket.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise RuntimeError(CLOSED)
        if self._process != os.getpid():
            raise RuntimeError(FORKED)
        if not self._is_open:
            raise RuntimeError(NOT_OPEN)
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(OTHER_LOOP)

    async def __aenter__(self) -> "AsyncClient":
        if not self._is_open:
            with contextlib.closing(Arrival(self._gates, self._wait_s)) as arrival:
                while (address := arrival.look()) is None:
                    await asyncio.sleep(LOOK_S)
            self._open(address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
