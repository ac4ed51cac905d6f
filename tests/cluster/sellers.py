"""Clients that know several nodes: what one does not answer in time goes to the next, under the same id."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine import Client, Command
from engine.base.errors import RingfoldError
from tests.chaos.story import Seller, attempt_of
from tests.checker import Attempt

ATTEMPT_S = 0.8
GIVE_UP_S = 60.0
FINAL = ("committed", "rejected", "failed", "unchanged")


class Gates:
    """The nodes as one client sees them; it belongs to one thread. `data`: their data directories."""

    def __init__(self, data: Sequence[Path], first: int) -> None:
        self._data, self._at = data, first
        self._clients: dict[int, Client] = {}

    def send(self, commands: Sequence[Command]) -> list[Attempt]:
        """Sends until all are answered, or too much time has passed. One attempt each, from the first sending
        to the answer."""
        sent_at = time.monotonic()
        attempts: dict[str, Attempt] = {}
        left = list({command.id: command for command in commands}.values())
        while left and time.monotonic() < sent_at + GIVE_UP_S:
            for attempt in self._try(left, sent_at):
                attempts[attempt.id] = attempt
            left = [command for command in left if attempts[command.id].outcome not in FINAL]
            if left:
                self._at = (self._at + 1) % len(self._data)
        return list(attempts.values())

    def _try(self, commands: Sequence[Command], sent_at: float) -> list[Attempt]:
        client = self._client()
        if client is None:
            time.sleep(0.02)
            return [Attempt(one.id, sent_at, time.monotonic(), "unknown") for one in commands]
        waiting = [client.submit(command, timeout_s=ATTEMPT_S) for command in commands]
        return [attempt_of(client.wait(one), sent_at) for one in waiting]

    def _client(self) -> Client | None:
        if self._at not in self._clients:
            try:
                self._clients[self._at] = Client(self._data[self._at])
            except (RingfoldError, OSError):
                return None  # it is just being started
        return self._clients[self._at]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


class GateSeller(Seller):
    """A seller that goes from gate to gate. `commands`: all that it sent, by id."""

    def __init__(self, number: int, seed: int, data: Sequence[Path], stop: threading.Event) -> None:
        super().__init__(number, seed, None, stop, 0.0)  # type: ignore[arg-type]
        self.commands: dict[str, Command] = {}
        self._data = data

    def run(self) -> None:
        gates = Gates(self._data, self._number % len(self._data))
        try:
            while not self._stop_asked.is_set():
                self._at_gates(gates)
        except BaseException as error:
            self.error = error
        finally:
            gates.close()

    def _at_gates(self, gates: Gates) -> None:
        wanted = [self._next() for _ in range(self._draw.randint(1, 30))]
        self.commands.update((command.id, command) for command in wanted)
        outcomes = {attempt.id: attempt.outcome for attempt in self._noted(gates.send(wanted))}
        for command in wanted:
            self._sent.append(command)
            order = getattr(command, "order", "")
            if hasattr(command, "passengers") and outcomes[command.id] in ("committed", "unknown"):
                self._orders.append((command.aggregate, order))

    def _noted(self, attempts: list[Attempt]) -> list[Attempt]:
        self.attempts += attempts
        return attempts
