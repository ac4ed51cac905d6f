"""The gate: hostile bytes harm only their sender, and what passes can always be decoded."""

import contextlib
import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command
from engine.base.identity import partition_of, uuid7_hex
from engine.stages.gate import Admitted, Gate, Limits
from engine.wire.batches import encode_reply
from engine.wire.busy import BusyReason
from engine.wire.commands import CommandDecoder
from tests.corpora import corpus
from tests.unit.engine.cli.sample import Add, create

LIMITS = Limits(message_bytes=100_000, commands_per_message=100, in_flight_per_client=1000)
NOW = time.time_ns()
HOUR_MS = 3_600_000
A, B = b"client-a", b"client-b"


def add(number: int = 1, aggregate: str = "one", id: str | None = None, **more: Any) -> bytes:
    command = {"type": "sample.add", "aggregate": aggregate, "number": number, "id": id or uuid7_hex()}
    return msgspec.json.encode({**command, **more})


def array(*commands: bytes) -> bytes:
    return b"[" + b",".join(commands) + b"]"


def id_of(command: bytes) -> str:
    found: str = msgspec.json.decode(command)["id"]
    return found


def admit(*messages: tuple[bytes, bytes], limits: Limits = LIMITS, partitions: int = 1) -> Admitted:
    return Gate(limits, partitions).admit(messages, NOW)


def answers(admitted: Admitted, who: bytes = A) -> list[dict[str, Any]]:
    bodies = [body for to, body in admitted.refused if to == who]
    return [answer for body in bodies for answer in msgspec.json.decode(b"[" + body + b"]")]


def journaled(admitted: Admitted, who: bytes = A, partition: int = 0) -> list[str]:
    """Ids as the core will see them, after proving that it decodes exactly as many as were counted."""
    decode = CommandDecoder(create({})).decode
    ids = []
    for to, count, body in admitted.groups.get(partition, []):
        commands = decode(body)
        assert len(commands) == count
        ids += [command.id for command in commands] if to == who else []
    return ids


def test_single_commands_of_a_client_become_one_group_in_their_order() -> None:
    commands = [add(n) for n in range(5)]
    admitted = admit(*((A, command) for command in commands))
    assert len(admitted.groups[0]) == 1
    assert journaled(admitted) == [id_of(command) for command in commands]
    assert not admitted.refused


def test_arrays_and_single_commands_of_a_client_keep_their_order() -> None:
    one, two, three, four, five = (add(n) for n in range(5))
    admitted = admit((A, one), (A, array(two, three)), (B, add()), (A, four), (A, array(five)))
    assert journaled(admitted) == [id_of(command) for command in (one, two, three, four, five)]
    assert len(journaled(admitted, B)) == 1


@pytest.mark.parametrize(
    "message",
    [b" [ %s , %s ] \n", b"\t[%s,%s]", b"[%s,%s]\r\n", b"[\n  %s,\n  %s\n]"],
)
def test_whitespace_around_an_array_is_allowed(message: bytes) -> None:
    first, second = add(1), add(2)
    assert journaled(admit((A, message % (first, second)))) == [id_of(first), id_of(second)]


@pytest.mark.parametrize("message", [b" %s", b"%s\n", b"\r\n\t %s \n"])
def test_whitespace_around_a_command_is_allowed(message: bytes) -> None:
    before, command, after = add(1), add(2), add(3)
    admitted = admit((A, before), (A, message % command), (A, after))
    assert journaled(admitted) == [id_of(before), id_of(command), id_of(after)]


@pytest.mark.parametrize("message", [b"[]", b"[ ]", b" [\n] "])
def test_an_empty_array_is_malformed(message: bytes) -> None:
    admitted = admit((A, add()), (A, message), (A, add()))
    assert [(a["code"], a["id"]) for a in answers(admitted)] == [("malformed", None)]
    assert len(journaled(admitted)) == 2


X = add(7, id="0" * 31 + "7")
Y = add(8, id="0" * 31 + "8")
HALF = X[:-1]

NOT_ONE_JSON_VALUE = corpus("commands/no-json")
NOT_A_COMMAND = corpus("commands/no-command")
HARMLESS = corpus("commands/passes")


@pytest.mark.parametrize("body", (every := NOT_ONE_JSON_VALUE | NOT_A_COMMAND).values(), ids=every)
def test_a_malformed_message_is_refused_alone(body: bytes) -> None:
    good = [add(n) for n in range(4)]
    admitted = admit((A, good[0]), (B, array(*good[1:3])), (A, body), (A, good[3]), (B, body))
    assert [a["code"] for a in answers(admitted)] == ["malformed"]
    assert [a["code"] for a in answers(admitted, B)] == ["malformed"]
    assert journaled(admitted) == [id_of(good[0]), id_of(good[3])]
    assert journaled(admitted, B) == [id_of(good[1]), id_of(good[2])]


@pytest.mark.parametrize("body", NOT_A_COMMAND.values(), ids=NOT_A_COMMAND)
def test_a_malformed_command_is_refused_alone_out_of_an_array(body: bytes) -> None:
    first, last = add(1), add(2)
    admitted = admit((A, array(first, body, last)))
    assert [a["code"] for a in answers(admitted)] == ["malformed"]
    assert journaled(admitted) == [id_of(first), id_of(last)]


def test_messages_that_only_together_would_be_json_are_each_malformed() -> None:
    opening, closing = HALF + b',"more":[{}', b"{}]}," + Y
    admitted = admit((A, opening), (A, add(5)), (A, closing))
    assert [a["code"] for a in answers(admitted)] == ["malformed", "malformed"]
    assert len(journaled(admitted)) == 1


def test_a_refusal_names_the_id_where_it_can_be_made_out() -> None:
    cases = [add(1, id="A" * 32), add(1, id="short"), add(1, aggregate="", id="0" * 32), add(1, id="x" * 65)]
    admitted = admit(*((A, case) for case in cases))
    assert [a["id"] for a in answers(admitted)] == ["A" * 32, "short", "0" * 32, None]


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
@pytest.mark.parametrize("partitions", [1, 4])
def test_what_passes_is_decoded_by_the_core_with_the_same_id_and_aggregate(
    body: bytes, partitions: int
) -> None:
    """The core may still answer `failed`, but for this command alone."""
    admitted = admit((A, add(1)), (A, body), (A, array(add(2), body)), partitions=partitions)
    assert not admitted.refused
    decode = CommandDecoder(create({})).decode
    expected = json.loads(body.decode(errors="replace"))
    seen = 0
    for number, groups in admitted.groups.items():
        for _, count, journal in groups:
            commands = decode(journal)
            assert len(commands) == count
            for command in commands:
                assert partition_of(command.aggregate, partitions) == number
                seen += command.id == expected["id"] and command.aggregate == expected["aggregate"]
            assert any(isinstance(command, Command) for command in commands) or len(commands) < 3
    assert seen == 2


def test_too_many_commands_in_one_message_are_refused_by_id() -> None:
    commands = [add(n) for n in range(101)]
    admitted = admit((A, array(*commands)), (A, add()), (B, array(*commands[:100])))
    assert [(a["code"], a["id"]) for a in answers(admitted)] == [("too-many", id_of(c)) for c in commands]
    assert len(journaled(admitted)) == 1
    assert len(journaled(admitted, B)) == 100


def test_the_bound_on_commands_is_per_message_and_not_per_client() -> None:
    messages = [(A, array(*(add(n) for n in range(100)))) for _ in range(3)] + [(A, add())] * 150
    admitted = admit(*messages)
    assert not admitted.refused
    assert len(journaled(admitted)) == 450


@pytest.mark.parametrize("commands", [[add(n) for n in range(101)], [b'{"id":"x"}'] * 100])
def test_however_many_commands_of_a_message_are_refused_they_are_answered_in_one_frame(
    commands: list[bytes],
) -> None:
    """A socket holds so many unread frames for a client; beyond that its answers are dropped."""
    admitted = admit((A, array(*commands)))
    assert len(admitted.refused) == 1
    assert len(answers(admitted)) == len(commands)


def test_too_many_malformed_commands_are_not_looked_at_one_by_one() -> None:
    admitted = admit((A, array(*[b"0"] * 40_000)))
    assert [(a["code"], a["id"]) for a in answers(admitted)] == [("too-many", None)]


def test_the_answer_to_tiny_malformed_commands_is_not_much_larger_than_they_are() -> None:
    limits = Limits(message_bytes=1 << 20, commands_per_message=10_000, in_flight_per_client=1000)
    named = add(1, aggregate="")
    message = array(*[b"1"] * 9_000, named)
    admitted = admit((A, message), limits=limits)
    assert sum(len(body) for _, body in admitted.refused) < len(message) + (1 << 15)
    told = answers(admitted)
    assert [a["id"] for a in told if a["id"]] == [id_of(named)], "who can be told apart is told"
    assert told[-1]["message"].endswith("more commands of this message are malformed")


def test_a_message_with_too_many_bytes_is_refused() -> None:
    admitted = admit((A, add(1, more="x" * 100_000)), (A, add()))
    assert [(a["code"], a["id"]) for a in answers(admitted)] == [("too-large", None)]
    assert len(journaled(admitted)) == 1


def test_a_busy_node_keeps_nothing_and_says_why() -> None:
    gate = Gate(LIMITS, 1)
    single, one, two = add(1), add(2), add(3)
    admitted = gate.admit([(A, single), (A, array(one, two)), (B, b"{")], NOW, BusyReason.DISK)
    assert not admitted.groups
    assert not gate.in_flight
    assert answers(admitted) == [
        {"outcome": "busy", "ids": [id_of(single)], "reason": "the disk is nearly full"},
        {"outcome": "busy", "ids": [id_of(one), id_of(two)], "reason": "the disk is nearly full"},
    ]
    assert answers(admitted, B)[0]["code"] == "malformed"


def test_a_group_without_room_after_the_gate_is_answered_busy_whatever_its_size() -> None:
    small = Limits(message_bytes=200, commands_per_message=1, in_flight_per_client=1000)
    commands = [add(n) for n in range(20)]
    gate = Gate(small, 1)
    admitted = gate.admit([(A, command) for command in commands], NOW)
    ((who, body),) = gate.turn_away(admitted.groups, BusyReason.FULL)
    ids = [id_of(command) for command in commands]
    busy = {"outcome": "busy", "ids": ids, "reason": "the node is full"}
    assert (who, msgspec.json.decode(body)) == (A, busy)
    assert gate.busy == {BusyReason.FULL: len(ids)}
    assert not gate.in_flight


def test_a_client_may_have_only_so_many_in_flight() -> None:
    gate = Gate(Limits(100_000, 100, in_flight_per_client=5), 1)
    commands = [add(n) for n in range(8)]
    admitted = gate.admit([(A, command) for command in commands], NOW)
    assert journaled(admitted) == [id_of(command) for command in commands[:5]]
    assert [a["outcome"] for a in answers(admitted)] == ["busy"]
    assert answers(admitted)[0]["ids"] == [id_of(command) for command in commands[5:]]
    assert len(journaled(gate.admit([(B, add())], NOW), B)) == 1, "the others are not concerned"

    assert answers(gate.admit([(A, add())], NOW))[0]["outcome"] == "busy"
    list(gate.answers([encode_reply(A, 2, b"1,2")]))
    assert answers(gate.admit([(A, array(*commands[5:]))], NOW))[0]["outcome"] == "busy", (
        "an array is not parted"
    )
    assert len(journaled(gate.admit([(A, array(*commands[5:7]))], NOW))) == 2
    list(gate.answers([encode_reply(A, 5, b"1"), encode_reply(B, 1, b"1")]))
    assert gate.in_flight == {}


def test_answers_to_one_client_are_joined_in_their_order() -> None:
    gate = Gate(LIMITS, 1)
    records = [encode_reply(A, 1, b"1") + encode_reply(B, 1, b"2"), encode_reply(A, 2, b"3,4")]
    assert list(gate.answers(records)) == [(A, b"1,3,4"), (B, b"2")]


def test_refused_commands_do_not_count_as_in_flight() -> None:
    gate = Gate(LIMITS, 1)
    gate.admit(
        [(A, b"[]"), (A, b"x"), (A, array(*(add(n) for n in range(101)))), (A, array(b"1", add()))], NOW
    )
    assert gate.in_flight == {A: 1}


def test_only_those_who_asked_are_told_that_they_are_accepted() -> None:
    quiet, asks, also = add(1), add(2, wait="accepted"), add(3, wait="accepted")
    admitted = admit((A, quiet), (A, asks), (B, array(also, add(4, wait="committed"))))
    notes = [(who, msgspec.json.decode(body)) for who, body in admitted.accepted]
    assert sorted(notes, key=lambda note: note[0]) == [
        (A, {"outcome": "accepted", "ids": [id_of(asks)]}),
        (B, {"outcome": "accepted", "ids": [id_of(also)]}),
    ]


def test_each_command_goes_to_the_partition_of_its_aggregate_in_order() -> None:
    commands = [add(n, aggregate=f"a{n % 7}") for n in range(40)]
    admitted = admit((A, array(*commands[:20])), *((A, c) for c in commands[20:]), partitions=4)
    for number in range(4):
        own = [c for c in commands if partition_of(msgspec.json.decode(c)["aggregate"], 4) == number]
        assert journaled(admitted, partition=number) == [id_of(command) for command in own]
    assert sum(count for groups in admitted.groups.values() for _, count, _ in groups) == 40


PIECES = st.sampled_from([X, Y, HALF, b'"more":', b"null", b"1", *(bytes([c]) for c in b'[]{},"\\ \n')])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([A, B]), st.lists(PIECES, max_size=6).map(b"".join)), max_size=6))
def test_whatever_comes_the_gate_agrees_with_a_plain_json_reader(messages: list[tuple[bytes, bytes]]) -> None:
    admitted = admit(*messages)
    for who in (A, B):
        expected: list[str] = []
        for _, body in (message for message in messages if message[0] == who):
            with contextlib.suppress(msgspec.DecodeError):
                found = msgspec.json.decode(body)
                listed = found if isinstance(found, list) else [found]
                expected += [c["id"] for c in listed if isinstance(c, dict) and "id" in c]
        assert journaled(admitted, who) == expected


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_large_array_becomes_groups_of_a_bounded_size(partitions: int) -> None:
    commands = [add(n, aggregate=f"a{n % 5}") for n in range(2500)]
    limits = Limits(1 << 20, 10_000, 10_000)
    admitted = admit((A, array(*commands)), limits=limits, partitions=partitions)
    counts = [count for groups in admitted.groups.values() for _, count, _ in groups]
    assert sum(counts) == 2500
    assert max(counts) <= 1000
    journal = [id for number in range(partitions) for id in journaled(admitted, partition=number)]
    assert sorted(journal) == [id_of(command) for command in commands]


def test_the_sample_of_these_tests_is_what_a_client_sends() -> None:
    command = Add("one", number=1)
    assert msgspec.json.decode(msgspec.json.encode(command)).keys() == msgspec.json.decode(add()).keys()


def id_at(milliseconds: int) -> str:
    return f"{milliseconds:012x}" + uuid7_hex()[12:]


@pytest.mark.parametrize("several", [False, True])
def test_an_id_of_a_time_more_than_an_hour_ahead_is_malformed_alone(several: bool) -> None:
    now_ms = NOW // 1_000_000
    good, late = add(id=id_at(now_ms + HOUR_MS - 1_000)), add(id=id_at(now_ms + HOUR_MS + 1_000))
    old, random = add(id="00000000000080008000000000000001"), add(id="f" * 32)
    commands = [good, late, old, random]
    admitted = admit((A, array(*commands))) if several else admit(*((A, command) for command in commands))
    assert journaled(admitted) == [id_of(good), id_of(old)]
    refused = answers(admitted)
    assert [answer["id"] for answer in refused] == [id_of(late), id_of(random)]
    assert {(answer["outcome"], answer["code"]) for answer in refused} == {("failed", "malformed")}
    assert "more than an hour ahead" in refused[0]["message"]


@pytest.mark.parametrize("name", ["票" * 67, "é" * 101, "x" * 201])
def test_the_id_of_an_aggregate_is_measured_in_bytes(name: str) -> None:
    good, long = add(aggregate=name[: 200 // len(name[0].encode())]), add(aggregate=name)
    admitted = admit((A, array(good, long)))
    assert journaled(admitted) == [id_of(good)]
    (answer,) = answers(admitted)
    assert (answer["id"], answer["code"]) == (id_of(long), "malformed")


def test_a_client_with_one_command_is_let_in_where_one_with_many_is_busy() -> None:
    gate = Gate(Limits(1 << 20, 10_000, 1_000_000, longest_wait_s=0.01), 1)
    many = [array(*(add(n) for n in range(100))) for _ in range(10)]
    admitted = gate.admit([(A, message) for message in many], NOW)
    assert len(journaled(admitted)) == gate.backlogs[0].most
    assert {a["reason"] for a in answers(admitted)} == {"too many commands wait"}
    assert len(journaled(gate.admit([(B, add()), (A, many[0])], NOW), B)) == 1
    list(gate.turn_away(admitted.groups, BusyReason.FULL))
    assert gate.backlogs[0].waiting == 1


def test_one_partition_with_too_much_to_do_does_not_close_the_others() -> None:
    gate = Gate(Limits(1 << 20, 10_000, 1_000_000, longest_wait_s=0.01), 2)
    full = "one"
    other = next(name for name in "abcdefgh" if partition_of(name, 2) != partition_of(full, 2))
    assert not gate.admit([(A, array(*(add(n, full) for n in range(1000))))], NOW).refused
    assert answers(gate.admit([(A, add(1, full))], NOW))[0]["outcome"] == "busy"
    assert not gate.admit([(A, add(1, other))], NOW).refused
    mixed = gate.admit([(A, array(add(1, full), add(2, other)))], NOW)
    assert len(answers(mixed)[0]["ids"]) == 2, "an array is accepted as a whole or not at all"


def test_what_each_client_sends_is_counted_with_what_is_turned_away() -> None:
    gate = Gate(Limits(100_000, 100, in_flight_per_client=3), 1)
    many = array(*(add() for _ in range(5)))
    gate.admit([(b"a", add()), (b"a", add()), (b"b", many), (b"c", b"{")], NOW)
    assert gate.tally.sent == {b"a": 2, b"b": 5, b"c": 1}
    assert gate.tally.turned_away == {b"b": 5, b"c": 1}
