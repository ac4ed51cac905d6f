"""The conversation, with time handed in: no sockets, no clock."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine import Command, Ticket
from engine.client.conversation import LONGEST_BACK_OFF_S, RESEND_S, Conversation

TIMEOUT_S = 10.0


class Add(Command, name="add"):
    number: int = 0
    text: str = ""


def submit(talk: Conversation, command: Command, wait: str = "committed", now: float = 0.0) -> Ticket:
    return talk.submit(command, wait, now, TIMEOUT_S)


def outgoing(talk: Conversation, now: float = 0.0) -> list[list[dict[str, Any]]]:
    """Frames as lists of commands."""
    frames = [msgspec.json.decode(frame) for frame in talk.outgoing(now)]
    return [frame if isinstance(frame, list) else [frame] for frame in frames]


def sent_ids(talk: Conversation, now: float) -> list[str]:
    return [command["id"] for frame in outgoing(talk, now) for command in frame]


def incoming(talk: Conversation, *answers: dict[str, Any], now: float = 0.0) -> list[Ticket]:
    return talk.incoming(msgspec.json.encode(answers), now)


def unchanged(command: Command) -> dict[str, Any]:
    return {"outcome": "unchanged", "id": command.id}


def busy(*commands: Command) -> dict[str, Any]:
    return {"outcome": "busy", "ids": [command.id for command in commands], "reason": "full"}


def accepted(*commands: Command) -> dict[str, Any]:
    return {"outcome": "accepted", "ids": [command.id for command in commands]}


def block(*commands: Command, position: int = 1) -> dict[str, Any]:
    ids = [command.id for command in commands]
    versions = list(range(1, len(ids) + 1))
    return {"outcome": "committed", "ids": ids, "versions": versions, "partition": 0, "position": position}


def outcome(ticket: Ticket) -> str:
    assert ticket.receipt is not None
    return ticket.receipt.outcome


class Left(msgspec.Struct):
    count: int


class Take(Command, name="take", result=Left):
    pass


@pytest.mark.parametrize(
    ("result", "received"),
    [({"count": 3}, Left(3)), (None, None), ("something else", "something else")],
)
def test_a_result_is_of_the_type_that_the_command_declares_if_it_fits(result: Any, received: Any) -> None:
    talk, command = Conversation(), Take("a")
    ticket = submit(talk, command)
    outgoing(talk)
    answer = {"outcome": "committed", "id": command.id, "version": 1, "partition": 0, "position": 1}
    incoming(talk, {**answer, "result": result})
    assert ticket.receipt is not None
    assert ticket.receipt.result == received


def test_a_lone_command_is_one_object_in_its_frame() -> None:
    talk, command = Conversation(), Add("a", number=7)
    submit(talk, command)
    (frame,) = talk.outgoing(0.0)
    assert msgspec.json.decode(frame, type=Add) == command
    assert list(talk.outgoing(0.0)) == [], "nothing leaves twice"


def test_commands_leave_in_batches_in_the_order_they_came() -> None:
    talk = Conversation(batch=3)
    commands = [Add("a", number=n) for n in range(8)]
    for command in commands:
        submit(talk, command)
    frames = outgoing(talk)
    assert [len(frame) for frame in frames] == [3, 3, 2]
    assert [c["id"] for frame in frames for c in frame] == [command.id for command in commands]


def test_a_frame_has_bounded_bytes_but_a_large_command_leaves_alone() -> None:
    talk = Conversation(max_frame_bytes=1000)
    for length in (300, 300, 300, 5000, 10):
        submit(talk, Add("a", text="x" * length))
    assert [len(frame) for frame in outgoing(talk)] == [2, 1, 1, 1]


def test_it_says_when_a_batch_is_ready_and_when_too_much_is_in_flight() -> None:
    talk = Conversation(batch=2, max_in_flight=3)
    commands = [Add("a", number=n) for n in range(3)]
    submit(talk, commands[0])
    assert not talk.batch_ready
    submit(talk, commands[1])
    assert talk.batch_ready
    outgoing(talk)
    assert not talk.batch_ready
    assert not talk.full
    submit(talk, commands[2])
    assert talk.full
    incoming(talk, unchanged(commands[0]))
    assert not talk.full


def test_a_block_answers_many_commands_each_with_its_version_and_position() -> None:
    talk = Conversation()
    commands = [Add("a", number=n) for n in range(3)]
    tickets = [submit(talk, command) for command in commands]
    outgoing(talk)
    assert incoming(talk, block(*commands, position=40)) == tickets
    receipts = [ticket.receipt for ticket in tickets]
    assert [(r.version, r.at) for r in receipts if r] == [(1, (0, 40)), (2, (0, 41)), (3, (0, 42))]
    assert len(talk) == 0


@pytest.mark.parametrize(
    ("fields", "ok"),
    [
        ({"outcome": "committed", "version": 4, "partition": 2, "position": 9, "result": {"x": [1]}}, True),
        ({"outcome": "unchanged"}, True),
        ({"outcome": "rejected", "code": "sold-out", "message": "none left"}, False),
        ({"outcome": "failed", "code": "handler-bug", "message": "KeyError: 1"}, False),
    ],
)
def test_a_single_answer_becomes_a_receipt_with_all_its_fields(fields: dict[str, Any], ok: bool) -> None:
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command)
    outgoing(talk)
    assert incoming(talk, {**fields, "id": command.id}) == [ticket]
    assert ticket.receipt is not None
    assert ticket.receipt.ok is ok
    assert {name: getattr(ticket.receipt, name) for name in fields} == fields


def test_answers_to_unknown_ids_and_of_unknown_kinds_are_ignored() -> None:
    talk, command, other = Conversation(), Add("a"), Add("b")
    ticket = submit(talk, command)
    outgoing(talk)
    strange = {"outcome": "news", "id": command.id, "more": [1]}
    assert incoming(talk, unchanged(other), block(other), busy(other), accepted(other), strange) == []
    assert incoming(talk, unchanged(command), unchanged(command)) == [ticket]


def test_a_failure_without_an_id_is_for_the_only_command_in_flight() -> None:
    talk, one, two = Conversation(), Add("a"), Add("b")
    nameless = {"outcome": "failed", "id": None, "code": "too-large", "message": "…"}
    first, second = submit(talk, one), submit(talk, two)
    outgoing(talk)
    assert incoming(talk, nameless) == [], "with two in flight it could belong to either"
    incoming(talk, unchanged(one))
    assert incoming(talk, nameless) == [second]
    assert (outcome(first), second.receipt and second.receipt.code) == ("unchanged", "too-large")


def test_a_silent_command_is_sent_again_with_its_id_until_its_deadline() -> None:
    talk, command = Conversation(), Add("a", number=3)
    ticket = submit(talk, command)
    (first,) = talk.outgoing(0.0)
    moments = []
    for tick in range(1, int(TIMEOUT_S * 10)):
        now = tick / 10
        assert talk.expire(now) == []
        for frame in talk.outgoing(now):
            assert frame == first, "the very same bytes"
            moments.append(now)
    assert moments == pytest.approx([2.0, 4.0, 6.0, 8.0], abs=0.25)
    assert talk.expire(TIMEOUT_S) == [ticket]
    assert outcome(ticket) == "unknown"
    assert len(talk) == 0
    assert incoming(talk, unchanged(command)) == [], "too late"
    assert outcome(ticket) == "unknown"


def test_an_answered_command_is_not_sent_again() -> None:
    talk, command = Conversation(), Add("a")
    submit(talk, command)
    outgoing(talk)
    incoming(talk, unchanged(command))
    assert talk.expire(TIMEOUT_S + 1) == []
    assert outgoing(talk, TIMEOUT_S + 1) == []


def test_a_refused_command_backs_off_longer_and_longer_and_ends_as_busy() -> None:
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command)
    moments = [0.0 for _ in outgoing(talk)]
    incoming(talk, busy(command), now=0.0)
    now = 0.0
    done: list[Ticket] = []
    while not done:
        now += 0.001
        done = talk.expire(now)
        for _ in outgoing(talk, now):
            moments.append(now)
            incoming(talk, busy(command), now=now)
    pauses = [b - a for a, b in pairwise(moments)]
    assert pauses[0] < 0.02
    assert pauses[:6] == sorted(pauses[:6])
    assert max(pauses) <= 1.5 * LONGEST_BACK_OFF_S + 0.01
    assert 10 <= len(moments) <= 40, "a node that is busy is not stormed"
    assert done == [ticket]
    assert ticket.receipt is not None
    assert (ticket.receipt.outcome, ticket.receipt.message) == ("busy", "full")


def test_those_refused_together_do_not_come_back_together() -> None:
    talk = Conversation()
    commands = [Add("a", number=n) for n in range(200)]
    for command in commands:
        submit(talk, command)
    outgoing(talk)
    incoming(talk, busy(*commands))
    back = []
    for tick in range(1, 20):
        talk.expire(tick / 1000)
        back.append(len(sent_ids(talk, tick / 1000)))
    assert sum(back) == 200
    assert max(back) < 60


def test_a_refusal_followed_by_silence_is_unknown_and_not_busy() -> None:
    """The second sending may have been taken in: to say that nothing was kept would be a lie."""
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command)
    outgoing(talk)
    incoming(talk, busy(command), now=0.0)
    talk.expire(0.1)
    assert sent_ids(talk, 0.1) == [command.id]
    for tick in range(2, int(TIMEOUT_S * 10) + 1):
        talk.expire(tick / 10)
        outgoing(talk, tick / 10)
    assert outcome(ticket) == "unknown"


def test_silence_followed_by_a_refusal_is_unknown_too() -> None:
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command)
    outgoing(talk)
    talk.expire(RESEND_S)
    assert sent_ids(talk, RESEND_S) == [command.id]
    incoming(talk, busy(command), now=TIMEOUT_S - 0.001)
    assert talk.expire(TIMEOUT_S) == [ticket]
    assert outcome(ticket) == "unknown"


def test_a_refused_command_may_still_succeed() -> None:
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command)
    outgoing(talk)
    incoming(talk, busy(command))
    talk.expire(0.5)
    outgoing(talk, 0.5)
    assert incoming(talk, block(command), now=0.6) == [ticket]
    assert outcome(ticket) == "committed"


def test_the_same_command_submitted_twice_is_answered_twice_by_one_answer() -> None:
    talk, command = Conversation(), Add("a")
    first, second = submit(talk, command), submit(talk, command, now=1.0)
    assert sent_ids(talk, 1.0) == [command.id, command.id]
    assert incoming(talk, block(command)) == [first, second]
    assert incoming(talk, block(command)) == [], "the node answers each, the second is of no interest"
    assert first.receipt == second.receipt


def test_each_ticket_of_a_command_has_its_own_deadline() -> None:
    talk, command = Conversation(), Add("a")
    first = submit(talk, command)
    outgoing(talk)
    second = submit(talk, command, now=5.0)
    outgoing(talk, 5.0)
    assert talk.expire(TIMEOUT_S) == [first]
    assert talk.expire(TIMEOUT_S + 4.9) == []
    assert incoming(talk, unchanged(command)) == [second]


def test_a_command_can_be_sent_again_after_it_was_given_up() -> None:
    talk, command = Conversation(), Add("a")
    first = submit(talk, command)
    outgoing(talk)
    talk.expire(TIMEOUT_S)
    second = submit(talk, command, now=TIMEOUT_S)
    assert sent_ids(talk, TIMEOUT_S) == [command.id]
    assert incoming(talk, block(command)) == [second]
    assert (outcome(first), outcome(second)) == ("unknown", "committed")


def test_only_who_waits_for_acceptance_is_done_by_it() -> None:
    talk, command, other = Conversation(), Add("a"), Add("b")
    early = submit(talk, command, wait="accepted")
    late = submit(talk, command)
    alone = submit(talk, other, wait="accepted")
    asked = [c.get("wait") for frame in outgoing(talk) for c in frame]
    assert asked == ["accepted", None, "accepted"]
    assert incoming(talk, accepted(command, other)) == [early, alone]
    assert len(talk) == 1
    assert incoming(talk, block(command, other)) == [late]
    assert [outcome(ticket) for ticket in (early, late, alone)] == ["accepted", "committed", "accepted"]


def test_an_outcome_that_comes_first_serves_who_waits_for_acceptance() -> None:
    talk, command = Conversation(), Add("a")
    ticket = submit(talk, command, wait="accepted")
    outgoing(talk)
    assert incoming(talk, block(command)) == [ticket]
    assert outcome(ticket) == "committed"


def test_giving_up_ends_every_ticket_as_unknown_whether_it_left_or_not() -> None:
    talk = Conversation()
    flying = [submit(talk, Add("a")) for _ in range(3)]
    outgoing(talk)
    assert not talk.idle
    flying.append(submit(talk, Add("b")))
    assert talk.give_up() == flying
    assert {outcome(ticket) for ticket in flying} == {"unknown"}
    assert (len(talk), talk.idle, outgoing(talk, 100.0), talk.expire(100.0)) == (0, True, [], [])


def test_patience_ends_when_something_is_due() -> None:
    talk = Conversation()
    assert talk.patience(0.0) == 1.0
    talk.submit(Add("a"), "committed", 0.0, 0.25)
    outgoing(talk)
    assert talk.patience(0.0) == pytest.approx(0.25)
    assert talk.patience(9.0) == 0.0


class Anything(RuleBasedStateMachine):
    """Whatever the node and the wire do: every ticket is done once, in time, and nothing is left behind."""

    def __init__(self) -> None:
        super().__init__()
        self.talk = Conversation(batch=3)
        self.now = 0.0
        self.commands = [Add("a", number=n) for n in range(5)]
        self.open: list[Ticket] = []
        self.sent: dict[str, int] = {}

    def take(self, done: list[Ticket]) -> None:
        for ticket in done:
            assert ticket.receipt is not None
            self.open.remove(ticket)  # raises if it was done before

    @rule(which=st.integers(0, 4), early=st.booleans(), timeout=st.floats(0.01, 20))
    def submits(self, which: int, early: bool, timeout: float) -> None:
        wait = "accepted" if early else "committed"
        self.open.append(self.talk.submit(self.commands[which], wait, self.now, timeout))

    @rule(seconds=st.floats(0.001, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.talk.expire(self.now))
        self.flushes()

    @rule()
    def flushes(self) -> None:
        for frame in outgoing(self.talk, self.now):
            assert 1 <= len(frame) <= 3
            for command in frame:
                self.sent[command["id"]] = self.sent.get(command["id"], 0) + 1

    @rule(
        which=st.lists(st.integers(0, 4), min_size=1, unique=True),
        answer=st.sampled_from([busy, accepted, block]),
    )
    def node_answers(self, which: list[int], answer: Any) -> None:
        self.take(incoming(self.talk, answer(*(self.commands[n] for n in which)), now=self.now))

    @invariant()
    def nothing_is_overdue_after_a_look(self) -> None:
        self.take(self.talk.expire(self.now))
        self.flushes()
        assert all(ticket.deadline > self.now for ticket in self.open)
        assert len(self.talk) == len({ticket.id for ticket in self.open})

    def teardown(self) -> None:
        self.take(self.talk.expire(self.now + 100))
        assert self.open == []
        assert len(self.talk) == 0


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_frames_stay_below_what_the_node_takes() -> None:
    talk = Conversation(100, max_message_bytes=1_000)
    for _ in range(20):
        talk.submit(Add("a", number=1), "committed", 0.0, 10.0)
    frames = list(talk.outgoing(0.0))
    assert len(frames) > 1
    assert all(len(frame) <= 1_000 for frame in frames)


def test_a_command_that_is_too_large_is_answered_without_being_sent() -> None:
    talk = Conversation(100, max_message_bytes=1_000)
    ticket = talk.submit(Add("a", text="x" * 1_000), "committed", 0.0, 10.0)
    assert ticket.receipt is not None
    assert (ticket.receipt.outcome, ticket.receipt.code) == ("failed", "too-large")
    assert list(talk.outgoing(0.0)) == []
    assert talk.expire(0.0) == [ticket]
    assert talk.expire(0.0) == []


def test_giving_up_ends_what_was_too_large_to_be_sent_too() -> None:
    talk = Conversation(100, max_message_bytes=1_000)
    ticket = talk.submit(Add("a", text="x" * 1_000), "committed", 0.0, 10.0)
    assert talk.give_up() == [ticket]
    assert ticket.receipt is not None
    assert ticket.receipt.code == "too-large"
    assert talk.expire(0.0) == []


def test_a_block_of_answers_that_is_short_of_versions_costs_the_others_nothing() -> None:
    talk = Conversation()
    tickets = [submit(talk, Add("a", number=n)) for n in range(3)]
    outgoing(talk)
    short = {
        "outcome": "committed",
        "ids": [tickets[0].id, tickets[1].id],
        "versions": [1],
        "partition": 0,
        "position": 1,
    }
    other = {"outcome": "rejected", "id": tickets[2].id, "code": "no", "message": ""}
    assert incoming(talk, short, other) == [tickets[0], tickets[2]]


class Touchy(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        raise LookupError(self.number)


class Touch(Command, name="touch", result=Touchy): ...


def test_a_result_whose_class_raises_stays_as_it_came() -> None:
    talk = Conversation()
    tickets = [submit(talk, Touch("a")), submit(talk, Add("a"))]
    outgoing(talk)
    answers = [
        {"outcome": "committed", "id": ticket.id, "version": 1, "position": 1, "result": {"number": 7}}
        for ticket in tickets
    ]
    assert incoming(talk, *answers) == tickets
    assert [ticket.receipt and ticket.receipt.result for ticket in tickets] == [{"number": 7}] * 2


def test_fewer_are_in_flight_after_each_busy_and_slowly_more_after_that() -> None:
    talk = Conversation(batch=10, max_in_flight=100)

    def fill() -> list[str]:
        while not talk.full:
            submit(talk, Add("a"))
        return [command["id"] for frame in outgoing(talk) for command in frame]

    ids = fill()
    assert len(ids) == 100
    incoming(talk, {"outcome": "busy", "ids": ids[:10], "reason": "too many commands wait"})
    done = {"outcome": "committed", "partition": 0, "position": 1}
    incoming(talk, {**done, "ids": ids[:31], "versions": [1] * 31})
    submitted = fill()
    assert 0 < len(submitted) < 31
    for _ in range(30):
        ids = [*ids[31:], *submitted]
        incoming(talk, {**done, "ids": ids, "versions": [1] * len(ids)})
        ids, submitted = [], fill()
    assert len(talk) == 100, "all of it again"
