"""The post of a process manager: its commands to the node, and their answers. It is a client like any other,
except that it never gives up: after busy or silence it sends again until there is an answer."""

import time
from collections.abc import Callable, Iterator, Sequence

import zmq

from engine.base.errors import InvariantBroken
from engine.client.conversation import Conversation
from engine.client.tickets import Ticket
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.stages.gate import Limits

MOST_IN_FLIGHT = 4_000  # the others wait in the outbox: what is silent is sent again, all of it
BATCH = 100
FRAME_BYTES = 1 << 19
NEVER_S = float("inf")


class Post:
    """The post. It must not be given a command before that is durable."""

    def __init__(
        self, socket: "zmq.Socket[bytes]", limits: Limits, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`limits`: of the node's gate. `now`: a clock in seconds that never goes back."""
        self.socket, self._limits, self._now = socket, limits, now
        self.forget()

    def forget(self) -> None:
        """Nothing that was sent is sent again; answers to it are passed over."""
        limits = self._limits
        self._talk = Conversation(
            min(BATCH, limits.commands_per_message),
            min(MOST_IN_FLIGHT, limits.in_flight_per_client),
            FRAME_BYTES,
            limits.message_bytes,
        )
        self._unsent: list[Ticket] = []

    @property
    def room(self) -> int:
        """The number of further commands that may be on their way."""
        return max(0, self._talk.max_in_flight - len(self._talk))

    def send(self, commands: Sequence[tuple[Command, bytes]]) -> None:
        """Sends these, each with its bytes, and again those that have waited too long for their answer."""
        now = self._now()
        for command, body in commands:
            self._talk.submit_encoded(command, body)
        self._unsent += self._talk.expire(now)  # too large: the node has been given a lower limit since
        for frame in self._talk.outgoing(now):
            self.socket.send(frame)

    def answers(self) -> Iterator[tuple[str, Refusal | None]]:
        """(command id, how it was refused, if it was) of everything that has been answered, or could not be
        sent."""
        unsent, self._unsent = self._unsent, []
        for ticket in unsent:
            yield ticket.id, _refusal(ticket)
        while True:
            try:
                frame = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            for ticket in self._talk.incoming(frame, self._now()):
                yield ticket.id, _refusal(ticket)

    @property
    def next_due(self) -> float:
        """The time at which something may have to be sent again, by the clock."""
        now = self._now()
        return now + self._talk.patience(now) if len(self._talk) else NEVER_S

    def close(self) -> None:
        """Closes the socket. The next life sends again what is on its way."""
        self.socket.close()


def _refusal(ticket: Ticket) -> Refusal | None:
    receipt = ticket.receipt
    if receipt is None or receipt.outcome not in ("committed", "unchanged", "rejected", "failed"):
        raise InvariantBroken("a command is done without an outcome", id=ticket.id)
    if receipt.outcome in ("rejected", "failed"):
        return Refusal(receipt.outcome, receipt.code, receipt.message)
    return None
