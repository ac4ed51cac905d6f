"""A pool of clients for the threads of a program, such as those of a web server.

    pool = ClientPool("./ringfold-data")
    with pool.client() as client:            # in any thread
        client.send(Deposit("account-7", amount=500))
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType

from engine.client.asking import TIMEOUT_S
from engine.client.gates import Nodes
from engine.client.receipts import Receipt, Wait
from engine.client.sync import CLOSED, Client
from engine.model.messages import Command


class ClientPool:
    """Clients that are lent to one thread at a time. After a fork the child's begins without any.

    `node`, `batch`, `wait_s`: as of a `Client`. `most`: how many clients it makes; they are made when they
    are needed, and the one that came back last is lent first.
    """

    def __init__(self, node: Nodes, *, most: int = 16, batch: int = 100, wait_s: float = 0.0) -> None:
        self._node, self._most, self._batch, self._wait_s = node, most, batch, wait_s
        self._begin()

    @contextlib.contextmanager
    def client(self, timeout_s: float = TIMEOUT_S) -> Iterator[Client]:
        """A client for this thread. Raises TimeoutError if all are lent for so long."""
        client = self._take(timeout_s)
        try:
            yield client
        except BaseException:
            self._give_back(None)  # it may be in the middle of something
            client.close()
            raise
        self._give_back(client)

    def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """Sends one command by some client; see `Client.send`."""
        with self.client(timeout_s) as client:
            return client.send(command, wait, timeout_s)

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """Sends all by some client; see `Client.send_many`."""
        with self.client(timeout_s) as client:
            return client.send_many(commands, wait, timeout_s)

    def close(self) -> None:
        """Closes the clients that are not lent; one that is lent, when it comes back."""
        with self._changed:
            self._closed = True
            free = list(self._free)
            self._free.clear()
            self._changed.notify_all()
        if self._process == os.getpid():
            for client in free:
                client.hand_over()
                client.close()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._free: list[Client] = []
        self._made = 0
        self._closed = False

    def _take(self, timeout_s: float) -> Client:
        if self._process != os.getpid():
            self._begin()  # the parent's clients are the parent's
        with self._changed:
            if not self._changed.wait_for(self._has_any, timeout_s):
                raise TimeoutError(f"all {self._most} clients were lent for {timeout_s} s")
            if self._closed:
                raise RuntimeError(CLOSED)
            if self._free:
                client = self._free.pop()
                client.hand_over()
                return client
            self._made += 1
        try:
            return Client(self._node, batch=self._batch, wait_s=self._wait_s)
        except BaseException:
            self._give_back(None)
            raise

    def _has_any(self) -> bool:
        return self._closed or bool(self._free) or self._made < self._most

    def _give_back(self, client: Client | None) -> None:
        with self._changed:
            if client is None:
                self._made -= 1
            elif self._closed:
                client.close()
            else:
                self._free.append(client)
            self._changed.notify()

    def __enter__(self) -> "ClientPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
