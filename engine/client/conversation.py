"""The client's half of the protocol without any I/O: commands and frames in, frames and receipts out.

    submit(command) → ticket       expire(now) → tickets given up, and what is due to be sent again
    outgoing(now) → frames         incoming(frame) → tickets done

Time is handed in, so that batching, resending, backing off and giving up are plain functions of it. A
command is sent again with its own id until it is answered or its deadline passes: the node takes it once.
How many are in flight follows from the answers: fewer after each `busy`, slowly more after others.
"""

import contextlib
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import chain, count

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.client.address import NodeAddress
from engine.client.receipts import Receipt
from engine.client.tickets import Ticket, why_no_command, why_not_addressed
from engine.model.messages import Command
from engine.wire.answers import FINAL, Received, decode_answers, encode_answers, split_answers
from engine.wire.commands import encode_command, join_commands

MOST_IN_FLIGHT = 40_000
RESEND_S = 2.0
FIRST_BACK_OFF_S = 0.01
LONGEST_BACK_OFF_S = 1.0
FULL_S = 2.0  # so long nothing but `busy`: the node may be cut off, or its disk full
FOREVER_S = float("inf")
SHRINK = 0.7  # of what is kept in flight, when the node says that too much is


class _Flight:
    """The tickets of one id, since the same command may be submitted again before it is answered."""

    __slots__ = ("back_off_s", "due", "reason", "refused", "sent", "tickets")

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.due = 0.0  # the time of the next check; entries of the queue with another time are outdated
        self.sent = 0
        self.refused = 0  # of those sent; only if all were refused is it certain that nothing was kept
        self.reason = ""
        self.back_off_s = FIRST_BACK_OFF_S


class Conversation:
    """Everything that one client has in flight. `batch`: most commands in a frame, which is not filled
    beyond `max_frame_bytes`. `max_message_bytes`: the largest message that the node takes."""

    def __init__(
        self,
        batch: int = 100,
        max_in_flight: int = MOST_IN_FLIGHT,
        max_frame_bytes: int = 1 << 19,
        max_message_bytes: int = 1 << 20,
    ) -> None:
        self.batch = batch
        self.max_in_flight = max_in_flight
        self._window = float(max_in_flight)
        self.max_frame_bytes = min(max_frame_bytes, max_message_bytes - len(b"[]"))
        self.max_message_bytes = max_message_bytes
        self._refused: list[Ticket] = []
        self._fresh: list[Ticket] = []
        self._flying: dict[str, _Flight] = {}
        self._due: list[tuple[float, int, list[str]]] = []  # the time of the next check, to resend or give up
        self._looks = count()  # keeps equal moments in order
        self._again: list[Ticket] = []
        self._busy_since = FOREVER_S  # it has said nothing but `busy`

    @classmethod
    def with_limits(cls, batch: int, address: NodeAddress) -> "Conversation":
        """A conversation that keeps to what its node takes."""
        return cls(
            min(batch, address.commands_per_message),
            min(MOST_IN_FLIGHT, address.in_flight_per_client),
            max_message_bytes=address.message_bytes,
        )

    def __len__(self) -> int:
        """Commands submitted and not done."""
        return len(self._fresh) + len(self._flying)

    @property
    def full(self) -> bool:
        """True if no more should be submitted before some are done."""
        return len(self) >= min(self._window, self.max_in_flight)

    @property
    def idle(self) -> bool:
        """True if no command waits for its answer, so that a new one gains nothing by waiting for others."""
        return not self._flying

    @property
    def batch_ready(self) -> bool:
        """True if a whole frame waits to be sent."""
        return len(self._fresh) >= self.batch

    def submit(self, command: Command, wait: str, now: float, timeout_s: float) -> Ticket:
        """Accepts a command; it leaves with the next `outgoing`. TypeError if it is something else,
        ValueError for an id that no node takes. One that cannot be encoded fails alone, as it would at the
        node."""
        if not isinstance(command, Command):
            raise TypeError(why_no_command(command))
        if wrong := why_not_addressed(command):
            raise ValueError(wrong)
        code, text, body = "malformed", "", b""
        try:
            body = encode_command(command, early=wait == "accepted")
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
            text = f"it cannot be encoded: {error}"
        if len(body) > self.max_message_bytes:
            # Not sent: the node could not even say which one it was.
            code = "too-large"
            text = f"a message may have {self.max_message_bytes} bytes, this command has {len(body)}"
        ticket = Ticket(command.id, body, wait, now + timeout_s, type(command).__result__)
        if text:
            ticket.receipt = Receipt("failed", command.id, code=code, message=text)
            self._refused.append(ticket)
        elif self.full and timeout_s <= 0:
            ticket.receipt = Receipt("busy", command.id, message="too much is in flight, and the time is up")
            self._refused.append(ticket)
        else:
            self._fresh.append(ticket)
        return ticket

    def submit_encoded(self, command: Command, body: bytes) -> Ticket:
        """The same for one that has been checked and encoded, is waited for until it is committed, and has
        no deadline."""
        ticket = Ticket(command.id, body, "committed", FOREVER_S, type(command).__result__)
        if len(body) > self.max_message_bytes:  # the node has been given a lower limit since
            text = f"a message may have {self.max_message_bytes} bytes, this command has {len(body)}"
            ticket.receipt = Receipt("failed", command.id, code="too-large", message=text)
            self._refused.append(ticket)
        else:
            self._fresh.append(ticket)
        return ticket

    def send_again(self) -> None:
        """Everything in flight leaves with the next `outgoing`: the node is another one, which has none of
        it, or answers as the first one would have."""
        self._again = [flight.tickets[0] for flight in self._flying.values()]
        for flight in self._flying.values():
            flight.sent += 1

    @property
    def leaving(self) -> bool:
        """True if a command that no receipt is waited for is not known to have arrived."""
        flying = (ticket for flight in self._flying.values() for ticket in flight.tickets)
        return any(ticket.wait == "sent" for ticket in chain(self._fresh, flying))

    def outgoing(self, now: float) -> Iterator[bytes]:
        """Frames that are due: everything new, and what `expire` found to be due again."""
        again, self._again = self._again, []
        fresh, self._fresh = self._fresh, []
        resend_at = now + RESEND_S
        together: list[str] = []  # one entry of the queue for all that are looked at together
        for ticket in fresh:
            flight = self._flying.get(ticket.id)
            if flight is None:
                flight = self._flying[ticket.id] = _Flight()
            flight.tickets.append(ticket)
            flight.sent += 1
            if ticket.deadline < resend_at or len(flight.tickets) > 1:
                self._look_at(flight, resend_at)
            else:
                flight.due = resend_at
                together.append(ticket.id)
        if together:
            heappush(self._due, (resend_at, next(self._looks), together))
        bodies: list[bytes] = []
        size = 0
        for ticket in (*again, *fresh):
            if bodies and (len(bodies) == self.batch or size + len(ticket.body) > self.max_frame_bytes):
                yield _frame(bodies)
                bodies, size = [], 0
            bodies.append(ticket.body)
            size += len(ticket.body) + 1
        if bodies:
            yield _frame(bodies)

    def incoming(self, frame: bytes, now: float) -> list[Ticket]:
        """Reads a frame of answers; returns the tickets that are done by it."""
        done: list[Ticket] = []
        for answer in _answers_in(frame):
            if answer.outcome == "committed" and answer.ids:
                done += self._finish_block(answer)
            elif answer.outcome == "busy":
                self._window = max(float(self.batch), self._window * SHRINK)
                self._busy_since = min(self._busy_since, now)
                for id in answer.ids:
                    self._back_off(id, answer.reason, now)
            elif answer.outcome == "accepted":
                for id in answer.ids:
                    done += self._accepted(id)
            elif answer.outcome in FINAL and answer.id is not None:
                done += self._finish(
                    answer.id,
                    Receipt(
                        answer.outcome,  # type: ignore[arg-type]
                        answer.id,
                        answer.version,
                        answer.partition,
                        answer.position,
                        answer.result,
                        answer.code,
                        answer.message,
                    ),
                )
            elif answer.outcome == "failed" and len(self._flying) == 1:  # the node could not make out its id
                (id,) = self._flying
                done += self._finish(id, Receipt("failed", id, code=answer.code, message=answer.message))
        if done:  # by a batch more, once as many are done as there were in flight
            grown = self._window + self.batch * len(done) / self._window
            self._window = min(float(self.max_in_flight), grown)
            self._busy_since = FOREVER_S
        return done

    @property
    def full_at(self) -> float:
        """The time from which on the node has been full for long; never, if it has said something else."""
        return self._busy_since + FULL_S

    def is_full(self, now: float) -> bool:
        """True if the node has been full for long; then not again before it has been so as long once more."""
        if now <= self.full_at:
            return False
        self._busy_since = FOREVER_S
        return True

    def expire(self, now: float) -> list[Ticket]:
        """Looks at what is due. Returns the tickets past their deadline, `unknown` or `busy`; commands that
        wait too long for their answer, or were refused and have waited, leave with the next `outgoing`.
        Also those that were too large to be sent."""
        done, self._refused = self._refused, []
        while self._due and self._due[0][0] <= now:
            at, _, ids = heappop(self._due)
            for id in ids:
                flight = self._flying.get(id)
                if flight is not None and flight.due == at:
                    done += self._look(id, flight, now)
        return done

    def give_up(self) -> list[Ticket]:
        """Ends everything at once, for a client that closes. Returns all tickets not done, as `unknown`, and
        those that were too large to be sent."""
        done = [ticket for flight in self._flying.values() for ticket in flight.tickets] + self._fresh
        for ticket in done:
            ticket.receipt = Receipt("unknown", ticket.id, message="the client was closed")
        done += self._refused
        self._flying, self._fresh, self._due, self._again, self._refused = {}, [], [], [], []
        return done

    def patience(self, now: float) -> float:
        """Seconds until something is due, at most one."""
        return min(1.0, max(0.0, self._due[0][0] - now)) if self._due else 1.0

    def _look(self, id: str, flight: _Flight, now: float) -> list[Ticket]:
        """Gives up the tickets that are late, and has the command sent again if any are left."""
        late = [ticket for ticket in flight.tickets if ticket.deadline <= now]
        for ticket in late:
            if flight.refused == flight.sent:
                ticket.receipt = Receipt("busy", id, message=flight.reason)
            else:
                ticket.receipt = Receipt("unknown", id, message="no answer in time")
        if self._drop(id, flight):
            self._again.append(flight.tickets[0])
            flight.sent += 1
            self._look_at(flight, now + RESEND_S)
        return late

    def _look_at(self, flight: _Flight, at: float) -> None:
        flight.due = min([at, *(ticket.deadline for ticket in flight.tickets)])
        heappush(self._due, (flight.due, next(self._looks), [flight.tickets[0].id]))

    def _back_off(self, id: str, reason: str, now: float) -> None:
        flight = self._flying.get(id)
        if flight is not None:
            flight.refused += 1
            flight.reason = reason
            # Spread by the id, so that commands that were refused together are not sent again together.
            spread = 0.5 + int(id[-4:], 16) / 0xFFFF
            self._look_at(flight, now + flight.back_off_s * spread)
            flight.back_off_s = min(2 * flight.back_off_s, LONGEST_BACK_OFF_S)

    def _accepted(self, id: str) -> list[Ticket]:
        flight = self._flying.get(id)
        if flight is None:
            return []
        done = [ticket for ticket in flight.tickets if ticket.wait == "accepted"]
        for ticket in done:
            ticket.receipt = Receipt("accepted", id)
        self._drop(id, flight)
        return done

    def _finish(self, id: str, receipt: Receipt) -> list[Ticket]:
        flight = self._flying.pop(id, None)
        if flight is None:
            return []
        for ticket in flight.tickets:
            ticket.finish(receipt)
        return flight.tickets

    def _finish_block(self, block: Received) -> list[Ticket]:
        """The same for many commands at once, none of which has a result: the usual answer under load."""
        done: list[Ticket] = []
        partition, position, flying = block.partition, block.position, self._flying
        for k, (id, version) in enumerate(zip(block.ids, block.versions, strict=False)):
            flight = flying.pop(id, None)
            if flight is not None:
                receipt = Receipt("committed", id, version, partition, position + k)
                for ticket in flight.tickets:
                    ticket.receipt = receipt
                done += flight.tickets
        return done

    def _drop(self, id: str, flight: _Flight) -> bool:
        """Takes the tickets that are done out of a flight. True if some are left."""
        flight.tickets = [ticket for ticket in flight.tickets if ticket.receipt is None]
        if not flight.tickets:
            del self._flying[id]
        return bool(flight.tickets)


def _answers_in(frame: bytes) -> Iterator[Received]:
    """The answers that can be read. One that cannot leaves its command unanswered, and no other."""
    try:
        yield from decode_answers(frame)
    except NOT_DECODABLE:
        with contextlib.suppress(*NOT_DECODABLE):
            for one in split_answers(frame):
                with contextlib.suppress(*NOT_DECODABLE):
                    yield from decode_answers(encode_answers([one]))


def _frame(bodies: list[bytes]) -> bytes:
    return bodies[0] if len(bodies) == 1 else join_commands(bodies)
