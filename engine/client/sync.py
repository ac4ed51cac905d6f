"""The client for ordinary programs: one thread, one node, no thread of its own.

    with Client("./ringfold-data") as client:
        receipt = client.send(Deposit("account-7", amount=500))
        print(client.query("balances", "balance", {"account": "account-7"}, at_least=receipt.at))
"""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import zmq
from msgspec.structs import replace

from engine.client.conversation import Conversation, Ticket
from engine.client.endpoints import NodeLocation, address_of, answer_in, dealer, question
from engine.client.receipts import LEVELS, QueryRefused, Receipt, Wait, view_waited_for
from engine.model.messages import Command

TIMEOUT_S = 10.0
GRACE_S = 0.5  # a view says itself when it is behind; this is for its answer to come


class Client:
    """Not for use by several threads at once: give each its own.

    `node`: a data directory, or a mapping with `commands` and `queries`. Submitted commands leave at once
    if nothing is in flight; else when `batch` of them are there, when one is submitted after the oldest has
    waited `linger_s`, or when somebody waits for a receipt.
    """

    def __init__(self, node: NodeLocation, *, batch: int = 100, linger_s: float = 0.001) -> None:
        address = address_of(node)
        self._views = address.queries
        self._talk = Conversation(
            min(batch, address.commands_per_message), max_message_bytes=address.message_bytes
        )
        self._linger_s = linger_s
        self._leaves_at = float("inf")
        self._socket = dealer(address.commands)
        self._queries: dict[str, zmq.Socket[bytes]] = {}
        self._asked = 0
        self._done: list[Ticket] = []  # taken in by `submit`, for whoever calls `pump`

    def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Never raises for an outcome: look at the receipt."""
        view = view_waited_for(wait, self._views)
        until = time.monotonic() + timeout_s
        ticket = self._take(command, "committed" if view else wait, timeout_s)
        if wait == "sent":
            self._done += self._turn(0)
            return Receipt("sent", command.id)
        receipt = self.wait(ticket)
        if view is not None and receipt.outcome == "committed":
            left_s = max(0.001, until - time.monotonic())
            try:
                self.query(view, "positions", at_least=receipt.at, timeout_s=left_s)
            except (QueryRefused, TimeoutError) as error:
                text = f"committed, but view {view} lags: {error}"
                return replace(receipt, outcome="unknown", message=text)
        return receipt

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """Sends all, in batches, many in flight; returns their receipts in the same order."""
        if wait not in ("accepted", "committed"):
            raise ValueError(f"wait={wait!r}: many can be waited for as accepted or committed")
        tickets = [self._take(command, wait, timeout_s) for command in commands]
        return [self.wait(ticket) for ticket in tickets]

    def submit(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Ticket:
        """Sends without waiting; blocks only while too much is in flight, which counts against `timeout_s`.

        Then call `wait` or `pump`, or nothing is taken in, and nothing that was lost is sent again.
        """
        if wait not in LEVELS:
            raise ValueError(f"wait={wait!r}: a submitted command can be {', '.join(LEVELS)}")
        idle = self._talk.idle
        ticket = self._take(command, wait, timeout_s)
        if idle:
            self.flush()
        return ticket

    def wait(self, ticket: Ticket) -> Receipt:
        """The receipt of a submitted command, at its deadline at the latest. Others that are done meanwhile
        have their receipts too; `pump` no longer tells of them."""
        self._done.clear()
        if ticket.receipt is None:
            self.flush()
        while ticket.receipt is None:
            self._turn(self._talk.patience(time.monotonic()))
        return ticket.receipt

    def flush(self) -> None:
        """Sends everything submitted now."""
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._leaves_at = float("inf")

    def pump(self, timeout_s: float) -> list[Ticket]:
        """Sends what is due and takes in answers, waiting for the first at most `timeout_s`. Returns
        the tickets that are done by it: for programs with a loop of their own."""
        done, self._done = self._done, []
        return done + self._turn(0 if done else timeout_s)

    def _take(self, command: Command, wait: Wait, timeout_s: float) -> Ticket:
        now = time.monotonic()
        until = now + timeout_s
        while self._talk.full:
            self._done += self._turn(self._talk.patience(now))
            now = time.monotonic()
        ticket = self._talk.submit(command, wait, now, max(0.0, until - now))
        self._leaves_at = min(self._leaves_at, now + self._linger_s)
        if self._talk.batch_ready or now >= self._leaves_at:
            self._done += self._turn(0)
        return ticket

    def _turn(self, timeout_s: float) -> list[Ticket]:
        done = self._talk.expire(time.monotonic())
        self.flush()
        if self._socket.poll(int(timeout_s * 1000 + 0.999)):
            try:
                while True:
                    done += self._talk.incoming(self._socket.recv(zmq.NOBLOCK), time.monotonic())
            except zmq.Again:
                pass
        return [ticket for ticket in done if ticket.wait != "sent"]

    def query(
        self,
        view: str,
        query: str,
        args: Any = None,
        *,
        at_least: tuple[int, int] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """Asks a view. `at_least`: a receipt's `at`, so that the answer contains its events.
        Raises QueryRefused for an error answer, TimeoutError for none, KeyError for no such view."""
        socket = self._queries.get(view)
        if socket is None:
            socket = self._queries[view] = dealer(self._views[view])
        self._asked += 1
        socket.send(question(query, args, at_least, timeout_s, self._asked))
        until = time.monotonic() + timeout_s + GRACE_S
        while (left_s := until - time.monotonic()) > 0:
            if socket.poll(int(left_s * 1000) + 1):
                number, answer = answer_in(socket.recv())
                if number not in (self._asked, None):
                    continue  # the late answer to a query that was given up
                if isinstance(answer, QueryRefused):
                    raise answer
                return answer
        raise TimeoutError(f"view {view} did not answer within {timeout_s} s")

    def close(self) -> None:
        """Closes the sockets. What is in flight stays unknown."""
        for socket in (self._socket, *self._queries.values()):
            socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
