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

from engine.client.conversation import Conversation, Ticket
from engine.client.endpoints import Where, answer_to, dealer, endpoints_of, question
from engine.client.receipts import QueryRefused, Receipt, Wait
from engine.model.messages import Command

TIMEOUT_S = 10.0


class Client:
    """Not for use by several threads at once: give each its own.

    `where`: a data directory, or a mapping with `commands` and `queries`. Submitted commands leave when
    `batch` of them are there, when the oldest has waited `linger_s`, or when somebody waits for a receipt.
    """

    def __init__(self, where: Where, *, batch: int = 100, linger_s: float = 0.001) -> None:
        commands, self._views = endpoints_of(where)
        self._talk = Conversation(batch)
        self._linger_s = linger_s
        self._leaves_at = float("inf")
        self._socket = dealer(commands)
        self._queries: dict[str, zmq.Socket[bytes]] = {}
        self._asked = 0

    def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Never raises for an outcome: look at the receipt."""
        until = time.monotonic() + timeout_s
        receipt = self.wait(self.submit(command, wait, timeout_s))
        view = wait.removeprefix("projected:")
        if view != wait and receipt.outcome == "committed":
            left_s = max(0.001, until - time.monotonic())
            try:
                self.query(view, "positions", at_least=receipt.at, timeout_s=left_s)
            except (QueryRefused, TimeoutError) as error:
                return Receipt("unknown", receipt.id, message=f"committed, but view {view} lags: {error}")
        return receipt

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """Sends all, in batches, many in flight; returns their receipts in the same order."""
        tickets = [self.submit(command, wait, timeout_s) for command in commands]
        return [self.wait(ticket) for ticket in tickets]

    def submit(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Ticket:
        """Sends without waiting; blocks only while too much is in flight. See `wait`, `flush` and `pump`."""
        while self._talk.full:
            self.pump(self._talk.patience(time.monotonic()))
        now = time.monotonic()
        ticket = self._talk.submit(command, wait, now, timeout_s)
        self._leaves_at = min(self._leaves_at, now + self._linger_s)
        if self._talk.batch_ready or now >= self._leaves_at:
            self.pump(0)
        return ticket

    def wait(self, ticket: Ticket) -> Receipt:
        """The receipt of a submitted command, at its deadline at the latest."""
        if ticket.receipt is None:
            self.flush()
        while ticket.receipt is None:
            self.pump(self._talk.patience(time.monotonic()))
        return ticket.receipt

    def flush(self) -> None:
        """Sends everything submitted now."""
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._leaves_at = float("inf")

    def pump(self, timeout_s: float) -> list[Ticket]:
        """Sends what is due and takes in answers, waiting for the first at most `timeout_s`. Returns
        the tickets that are done by it: for programs with a loop of their own."""
        done = self._talk.expire(time.monotonic())
        self.flush()
        if self._socket.poll(int(timeout_s * 1000 + 0.999)):
            try:
                while True:
                    done += self._talk.incoming(self._socket.recv(zmq.NOBLOCK), time.monotonic())
            except zmq.Again:
                pass
        return done

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
        until = time.monotonic() + timeout_s + 0.5  # the view itself says when it is behind
        while (left_s := until - time.monotonic()) > 0:
            if socket.poll(int(left_s * 1000) + 1):
                mine, answer = answer_to(self._asked, socket.recv())
                if mine:
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
