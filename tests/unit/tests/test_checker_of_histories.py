"""The checker: silent about a sound history, and each way to break a promise is named by it."""

import copy
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest

from domain_12306.app import seats
from domain_12306.messages import ConfirmOrder, ReleaseOrder, ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, open_synthetic_run, run_name, station
from engine import Command
from engine.cli.journal import commands
from engine.node.data_directory import DataDirectory
from engine.testing import InlineEngine
from tests.chaos.story import attempt_of
from tests.checker import ACCEPTED, UNKNOWN, Attempt, check

PARTITIONS, RUNS, SEATS, SEGMENTS = 2, 3, 6, 4


class History(NamedTuple):
    """All that the checker looks at."""

    attempts: list[Attempt]
    log: dict[int, list[tuple[int, Any]]]
    journal: list[dict[str, Any]]

    def broken(self) -> list[str]:
        return check(self.attempts, self.log, self.journal)

    def commit(self, kind: str) -> Any:
        """The first commit of such an event."""
        return next(c for _, c in sorted(self.log[0]) if c.events[0]["type"] == kind)


def played(seed: int = 12306) -> History:
    """A history without a fault, of a node in one thread."""
    draw = random.Random(seed)
    attempts: list[Attempt] = []
    sent: list[Command] = []
    orders: list[tuple[str, str]] = []

    def send(command: Command, wait: str = "committed") -> None:
        sent_at = time.monotonic()
        attempts.append(attempt_of(engine.send(command, wait), sent_at))
        sent.append(command)

    def drawn(number: int) -> Command:
        kind = draw.random()
        if kind < 0.2:
            return draw.choice(sent)
        if kind < 0.5 and orders:
            return draw.choice((ReleaseOrder, ConfirmOrder))(*draw.choice(orders))
        orders.append((run_name(draw.randrange(RUNS)), f"o{number}"))
        first = draw.randrange(SEGMENTS)
        return ReserveSeats(
            *orders[-1],
            seat_class=SEAT_CLASS,
            board=station(first),
            alight=station(draw.randint(first + 1, SEGMENTS)),
            passengers=[f"p{k}" for k in range(draw.randint(1, 2))],
        )

    with TemporaryDirectory() as folder:
        data = Path(folder)
        with InlineEngine(seats({}), data, partitions=PARTITIONS) as engine:
            for number in range(RUNS):
                send(open_synthetic_run(run_name(number), SEATS, SEGMENTS))
            for number in range(150):
                send(drawn(number), "accepted" if number % 10 == 9 else "committed")
                if number == 75:
                    engine.restart(kill=True)
        directory = DataDirectory(data)
        log = {}
        for partition in range(PARTITIONS):
            reader = directory.reader(partition)
            log[partition] = list(reader.commits())
            reader.close()
        return History(attempts, log, list(commands(directory.journal)))


@cache
def sound() -> History:
    return played()


def test_a_story_without_faults_keeps_every_promise() -> None:
    history = played()
    assert history.broken() == []
    assert {attempt.outcome for attempt in history.attempts} == {"committed", "rejected", ACCEPTED}


def test_what_is_unknown_may_have_happened_or_not() -> None:
    history = sound()
    unknown = [_as(a, UNKNOWN) for a in history.attempts]
    assert check(unknown, history.log, history.journal) == []
    never = Attempt("f" * 32, 0.0, 1.0, UNKNOWN)
    assert check([*history.attempts, never], history.log, history.journal) == []


def _as(attempt: Attempt, outcome: str) -> Attempt:
    return Attempt(attempt.id, attempt.sent_at, attempt.ended_at, outcome, attempt.answer)


def lose_a_commit(history: History) -> None:
    answered = {attempt.id for attempt in history.attempts if attempt.outcome == "committed"}
    last = max(k for k, (_, commit) in enumerate(history.log[0]) if commit.command in answered)
    del history.log[0][last:]


def lose_a_command(history: History) -> None:
    del history.journal[-1]


def lose_an_accepted_command(history: History) -> None:
    history.attempts.append(Attempt("a" * 32, 1e9, 1e9, ACCEPTED))


def store_a_command_twice(history: History) -> None:
    position, commit = history.log[0][-1]
    history.log[0].append((position + 1, commit))


def leave_out_a_position(history: History) -> None:
    del history.log[0][3]


def leave_out_a_version(history: History) -> None:
    position, commit = history.log[0][-1]
    history.log[0][-1] = position, msgspec.structs.replace(commit, version=commit.version + 1)


def answer_differently(history: History) -> None:
    first = next(a for a in history.attempts if a.outcome == "committed")
    history.attempts.append(Attempt(first.id, 1e9, 1e9, "committed", (0, 0, "")))


def call_a_commit_rejected(history: History) -> None:
    at, first = next((k, a) for k, a in enumerate(history.attempts) if a.outcome == "committed")
    history.attempts[:] = [a for a in history.attempts if a.id != first.id]
    history.attempts.insert(at, _as(first, "rejected"))


def store_what_was_never_sent(history: History) -> None:
    gone = history.commit("seats.reserved").command
    history.attempts[:] = [a for a in history.attempts if a.id != gone]


def store_in_another_order(history: History) -> None:
    commit = history.commit("run.opened")
    late = next(k for k, a in enumerate(history.attempts) if a.id == commit.command)
    first = history.attempts[late]
    history.attempts[late] = Attempt(first.id, 1e9, 1e9 + 1, first.outcome, first.answer)


def stamp_by_another_clock(history: History) -> None:
    at, (position, commit) = next(
        (k, one) for k, one in enumerate(history.log[0]) if one[1].events[0]["type"] == "seats.reserved"
    )
    history.log[0][at] = position, msgspec.structs.replace(commit, time_ns=commit.time_ns + 1)


def skip_a_sequence(history: History) -> None:
    history.journal[-1]["sequence"] += 1


def sell_another_seat(history: History) -> None:
    event = history.commit("seats.reserved").events[0]
    seat, *gap = event["seats"][0]
    event["seats"][0] = [seat + 1, *gap]


def sell_a_shorter_journey(history: History) -> None:
    event = next(
        c.events[0]
        for _, c in history.log[0]
        if c.events[0]["type"] == "seats.reserved" and c.events[0]["alight"] - c.events[0]["board"] > 1
    )
    event["alight"] -= 1


BROKEN: dict[Callable[[History], None], str] = {
    lose_a_commit: "the log says otherwise",
    lose_a_command: "is not in the journal",
    lose_an_accepted_command: "is not in the journal",
    store_a_command_twice: "was committed twice",
    leave_out_a_position: "was due",
    leave_out_a_version: "version",
    answer_differently: "was answered",
    call_a_commit_rejected: "the log says otherwise",
    store_what_was_never_sent: "was never sent",
    store_in_another_order: "is stored before it",
    stamp_by_another_clock: "another sequence or time",
    skip_a_sequence: "the journal has sequence",
    sell_another_seat: "not the best fit",
    sell_a_shorter_journey: "the journey sold is not the journey asked for",
}


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_a_broken_promise_is_named(spoil: Callable[[History], None]) -> None:
    history = copy.deepcopy(sound())
    spoil(history)
    assert any(BROKEN[spoil] in line for line in history.broken()), history.broken()
