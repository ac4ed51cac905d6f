"""Clients that know several nodes: what one does not answer another one gets, under the same id."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine import Client, Command
from tests.chaos.story import Seller, attempt_of
from tests.checker import Attempt

GIVE_UP_S = 60.0
FINAL = ("committed", "rejected", "failed", "unchanged")


def client_of(data: Sequence[Path]) -> Client:
    """A client of all nodes, some of which may be just being started."""
    return Client(list(data), wait_s=GIVE_UP_S)


def sent(client: Client, commands: Sequence[Command]) -> list[Attempt]:
    """Sends until all are answered, or too much time has passed. One attempt each, from the first sending to
    the answer."""
    sent_at = time.monotonic()
    once = {command.id: command for command in commands}
    waiting = [client.submit(command, timeout_s=GIVE_UP_S) for command in once.values()]
    return [attempt_of(client.wait(one), sent_at) for one in waiting]


class GateSeller(Seller):
    """A seller who knows all nodes. `commands`: all that it sent, by id."""

    def __init__(self, number: int, seed: int, data: Sequence[Path], stop: threading.Event) -> None:
        super().__init__(number, seed, None, stop, 0.0)  # type: ignore[arg-type]
        self.commands: dict[str, Command] = {}
        self._data = data

    def run(self) -> None:
        try:
            with client_of(self._data) as client:
                while not self._stop_asked.is_set():
                    self._sell(client)
        except BaseException as error:
            self.error = error

    def _sell(self, client: Client) -> None:
        wanted = [self._next() for _ in range(self._draw.randint(1, 30))]
        self.commands.update((command.id, command) for command in wanted)
        attempts = sent(client, wanted)
        self.attempts += attempts
        outcomes = {attempt.id: attempt.outcome for attempt in attempts}
        for command in wanted:
            self._sent.append(command)
            order = getattr(command, "order", "")
            if hasattr(command, "passengers") and outcomes[command.id] in ("committed", "unknown"):
                self._orders.append((command.aggregate, order))
