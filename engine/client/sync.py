"""The client for ordinary programs: one thread, one node, no thread of its own.

    with Client("./ringfold-data") as client:
        receipt = client.send(Deposit("account-7", amount=500)).raise_for_outcome()
        print(client.query("balances", "balance", {"account": "account-7"}, at_least=receipt))
"""

import os
import threading
import time
from collections.abc import Iterable
from types import TracebackType

import zmq

from engine.client.address import NodeAddress
from engine.client.arrival import LOOK_S, arrived
from engine.client.asking import TIMEOUT_S, Asking
from engine.client.conversation import Conversation
from engine.client.gates import ELSEWHERE, Gates, Nodes
from engine.client.queries import GRACE_S, AtLeast, QueryRefused, Question, Told, endpoint_of, told_in
from engine.client.receipts import LEVELS, Receipt, Wait, view_waited_for, with_view
from engine.client.sockets import dealer
from engine.client.tickets import Ticket, why_no_command
from engine.model.messages import Command

CLOSED = "the client is closed"
ONE = "send_many sends several commands: send sends one"
FORKED = "the client was made before this process was forked: make one here"
OTHER_THREAD = "the client belongs to the thread that made it: make one in each thread, or use a ClientPool"
SILENT_S = 0.5  # then it may have been restarted elsewhere
ASK_AGAIN_S = 2.0  # a question may have been lost with a view that was restarted
LEAVE_S = 1.0  # for what was sent without waiting, at the end


class Client(Asking):
    """For the thread that made it, and not over a fork: make one for each, or use a `ClientPool`. A node that
    is restarted, even at another address, is found again, and gets what it has not answered once more.

    `node`: a data directory, the contents of its endpoints.json, or a started `Node`; or a list
    of such, of the nodes of one cluster, of which one is used as long as it answers. `wait_s`: how long to
    wait for a node that is just starting. Submitted commands leave at once if nothing is in flight; otherwise
    when `batch` of them are there, when one is submitted after the oldest has waited `linger_s`, or when a
    receipt is waited for.
    """

    def __init__(
        self, node: Nodes, *, batch: int = 100, linger_s: float = 0.001, wait_s: float = 0.0
    ) -> None:
        gates = Gates(node)
        self._begin(gates, arrived(gates, wait_s), batch, linger_s)

    def _begin(self, gates: Gates, address: NodeAddress, batch: int, linger_s: float) -> None:
        self._gates, self._address = gates, address
        self._heard_at = time.monotonic()
        self._talk = Conversation.with_limits(batch, address)
        self._linger_s = linger_s
        self._leaves_at = float("inf")
        self._socket = self._connect(address.commands)
        self._queries: dict[str, zmq.Socket[bytes]] = {}
        self._asked_at: dict[str, str] = {}  # the endpoints of these
        self._asked = 0
        self._done: list[Ticket] = []  # which `pump` has yet to return
        self._process, self._thread = os.getpid(), threading.get_ident()
        self._closed = False

    # ------------------------------------------------------------------ commands

    def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command and waits for it. Raises nothing for an outcome: look at the receipt, or call its
        `raise_for_outcome`."""
        view = view_waited_for(wait, self._address.queries)
        until = time.monotonic() + timeout_s
        ticket = self._take(command, "committed" if view else wait, timeout_s)
        if wait == "sent":
            self._done += self._turn(0)
            return ticket.receipt or Receipt("sent", command.id)
        receipt = self.wait(ticket)
        if view is None or receipt.outcome != "committed":
            return receipt
        try:
            self.query(view, "positions", at_least=receipt, timeout_s=max(0.001, until - time.monotonic()))
        except (QueryRefused, TimeoutError) as error:
            return with_view(receipt, view, error)
        return with_view(receipt, view, None)

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """Sends all, in batches, many in flight; returns their receipts in the same order."""
        if wait not in ("accepted", "committed"):
            raise ValueError(f"wait={wait!r}: many can be waited for as accepted or committed")
        if isinstance(commands, Command):
            raise TypeError(ONE)
        commands = list(commands)
        for command in commands:  # before any has its effect
            if not isinstance(command, Command):
                raise TypeError(why_no_command(command))
        tickets = [self._take(command, wait, timeout_s) for command in commands]
        return [self.wait(ticket) for ticket in tickets]

    def submit(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Ticket:
        """Sends without waiting; blocks only while too much is in flight, which counts against `timeout_s`.

        Then call `wait` or `pump`: without them no answer is read, and nothing that was lost is sent again.
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
        have their receipts too; `pump` does not return them."""
        self._done.clear()
        if ticket.receipt is None:
            self.flush()
        while ticket.receipt is None:
            self._turn(self._talk.patience(time.monotonic()))
        return ticket.receipt

    def flush(self) -> None:
        """Sends everything submitted now."""
        self._check_usable()
        for frame in self._talk.outgoing(time.monotonic()):
            self._socket.send(frame)
        self._leaves_at = float("inf")

    def pump(self, timeout_s: float) -> list[Ticket]:
        """Sends what is due and reads answers, waiting for the first at most `timeout_s`. Returns
        the tickets that are done by it: for programs with a loop of their own."""
        done, self._done = self._done, []
        return done + self._turn(0 if done else timeout_s)

    def _take(self, command: Command, wait: Wait, timeout_s: float) -> Ticket:
        self._check_usable()
        now = time.monotonic()
        until = now + timeout_s
        while self._talk.full and now < until:
            self._done += self._turn(min(until - now, self._talk.patience(now)))
            now = time.monotonic()
        ticket = self._talk.submit(command, wait, now, max(0.0, until - now))
        self._leaves_at = min(self._leaves_at, now + self._linger_s)
        if self._talk.batch_ready or now >= self._leaves_at:
            self._done += self._turn(0)
        return ticket

    def _turn(self, timeout_s: float) -> list[Ticket]:
        now = time.monotonic()
        if self._talk.idle:
            self._hear(now)  # nothing is expected
        elif self._gates.searching or now > min(self._heard_at + SILENT_S, self._talk.full_at):
            self._find_again(now)
        done = self._talk.expire(now)
        self.flush()
        patience_s = LOOK_S if self._gates.searching else SILENT_S
        if self._socket.poll(int(min(timeout_s, patience_s) * 1000 + 0.999)):
            self._hear(time.monotonic())
            try:
                while True:
                    done += self._talk.incoming(self._socket.recv(zmq.NOBLOCK), self._heard_at)
            except zmq.Again:
                pass
        return [ticket for ticket in done if ticket.wait != "sent"]

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
            self._socket.close()
            self._socket = self._connect(address.commands)
            self._talk.send_again()
        for socket in self._queries.values():
            socket.close()
        self._queries.clear()
        self._asked_at.clear()
        self._address = address

    # ------------------------------------------------------------------ queries

    def _ask(self, question: Question, at_least: AtLeast, after: list[int] | None, timeout_s: float) -> Told:
        self._check_usable()
        view = question.view
        self._asked += 1
        patience_s = timeout_s
        ask_at = now = time.monotonic()
        until = now + timeout_s + GRACE_S
        asked: set[str] = set()  # where another node was asked instead
        while (now := time.monotonic()) < until:
            socket = self._queries.get(view)
            if socket is None or now >= ask_at:
                socket = self._socket_of(view)
                socket.send(question.frame(self._asked, at_least, after, max(0.0, timeout_s)))
                ask_at = now + ASK_AGAIN_S
                timeout_s -= ASK_AGAIN_S
            held_s = LOOK_S if self._gates.searching else SILENT_S
            if not socket.poll(int(min(until - now, held_s) * 1000) + 1):
                self._find_again(now)
            else:
                self._hear(now)
                number, told = told_in(socket.recv())
                if number not in (self._asked, None):
                    continue  # the late answer to a query that was given up
                if isinstance(told, QueryRefused):
                    if told.code in ELSEWHERE and self._ask_elsewhere(view, asked):
                        continue
                    raise told
                return told
        raise TimeoutError(f"view {view} did not answer within {patience_s} s")

    def _ask_elsewhere(self, view: str, asked: set[str]) -> bool:
        """Has another node asked about this view from now on, if there is one that was not `asked`."""
        asked.add(self._asked_at[view])
        endpoint = self._gates.beside(view, asked)
        if endpoint:
            self._queries.pop(view).close()
            self._asked_at[view] = endpoint
        return bool(endpoint)

    def _socket_of(self, view: str) -> "zmq.Socket[bytes]":
        if view not in self._queries:
            if view not in self._asked_at:
                self._asked_at[view] = endpoint_of(view, self._address.queries)
            self._queries[view] = self._connect(self._asked_at[view])
        return self._queries[view]

    # ------------------------------------------------------------------ beginning and end

    def close(self) -> None:
        """Closes the sockets, once what was sent without waiting has left, for at most a second. What else is
        in flight stays unknown. Closing again does nothing."""
        if self._closed or self._process != os.getpid():
            return
        self._check_usable()
        until = time.monotonic() + LEAVE_S
        while self._talk.leaving and (left_s := until - time.monotonic()) > 0:
            self._turn(left_s)
        self._closed = True
        self._gates.close()
        for socket in (self._socket, *self._queries.values()):
            socket.close()

    def hand_over(self) -> None:
        """From now on the client belongs to this thread. The one that had it must be done with it, and both
        must have passed the same lock since."""
        self._thread = threading.get_ident()

    def _connect(self, endpoint: str) -> "zmq.Socket[bytes]":
        return dealer(endpoint)

    def _check_usable(self) -> None:
        if self._closed:
            raise RuntimeError(CLOSED)
        if self._process != os.getpid():
            raise RuntimeError(FORKED)
        if self._thread != threading.get_ident():
            raise RuntimeError(OTHER_THREAD)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
