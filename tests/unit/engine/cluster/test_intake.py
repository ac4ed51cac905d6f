"""Sections whose sequences and times follow from the logs alone."""

import pytest

from engine.base.errors import CorruptData
from engine.cluster.intake import MOST_BYTES, SECTION_BYTES, SECTION_COMMANDS, Intake
from engine.store.place import Place
from engine.wire.replicated import decode_origin, encode_commands
from engine.wire.sections import first_sequence, groups_of, header_of, last_sequence


def body(commands: int, gate: str = "gate") -> bytes:
    return encode_commands(gate, [(b"me", commands, b"[]")])


def section(intake: Intake) -> bytes:
    made = intake.section()
    assert made is not None
    return made


def test_sequences_go_on_from_the_last_message_of_which_everything_is_decided() -> None:
    intake = Intake(Place(decision=9, message=4, message_sequence=20, sequence=22, time_ns=100))
    intake.take(5, 50, body(3))
    made = section(intake)
    assert (first_sequence(made), last_sequence(made)) == (21, 23)
    assert header_of(made).time_ns == 101, "never before what was decided last"


def test_two_owners_make_the_same_of_the_same_messages() -> None:
    both = [Intake(Place()), Intake(Place())]
    for intake in both:
        intake.take(1, 50, body(3))
        intake.take(2, 60, body(2))
    assert section(both[0]) == section(both[1])


def test_no_command_has_a_time_before_the_log_took_it() -> None:
    intake = Intake(Place())
    intake.take(1, 50, body(3))
    intake.take(2, 5_000, body(2))
    intake.take(3, 4_000, body(1))
    assert header_of(section(intake)).time_ns == 5_000


def test_each_group_says_which_message_it_came_from_and_where_that_ends() -> None:
    intake = Intake(Place())
    intake.take(1, 50, body(3, "one"))
    intake.take(2, 60, body(2, "two"))
    made = section(intake)
    assert [decode_origin(who)[:3] for who, _, _ in groups_of(made)] == [(1, 3, "one"), (2, 5, "two")]
    intake.handed_on(made)
    assert intake.section() is None
    assert not intake.waits


def test_a_section_has_whole_messages_and_not_too_many_commands() -> None:
    intake = Intake(Place())
    for number in (1, 2, 3):
        intake.take(number, number, body(SECTION_COMMANDS // 2))
    first = section(intake)
    assert header_of(first).commands == SECTION_COMMANDS
    assert section(intake) == first, "until it is handed on"
    intake.handed_on(first)
    second = section(intake)
    assert first_sequence(second) == last_sequence(first) + 1
    assert header_of(second).time_ns > header_of(first).time_ns + SECTION_COMMANDS - 1


def test_a_section_is_not_larger_than_a_ring_takes_unless_one_message_is() -> None:
    intake = Intake(Place())
    large = encode_commands("gate", [(b"me", 10, b"x" * (SECTION_BYTES // 2))])
    for number in range(1, 6):
        intake.take(number, number, large)
    for _ in range(5):
        made = section(intake)
        assert header_of(made).commands == 10
        intake.handed_on(made)
    assert intake.section() is None


def test_a_message_that_was_taken_is_passed_over_and_one_that_is_missing_is_named() -> None:
    intake = Intake(Place(message=1))
    intake.take(1, 50, body(3))
    assert not intake.waits
    with pytest.raises(CorruptData, match="missing"):
        intake.take(3, 60, body(1))


def test_a_message_without_commands_makes_no_section() -> None:
    intake = Intake(Place())
    intake.take(1, 50, encode_commands("gate", []))
    assert intake.section() is None
    intake.take(2, 60, body(1))
    assert first_sequence(section(intake)) == 1


def test_no_more_is_taken_than_one_can_hold_until_it_is_handed_on() -> None:
    intake = Intake(Place())
    assert not intake.full
    intake.take(1, 50, encode_commands("gate", [(b"me", 1, bytes(MOST_BYTES))]))
    assert intake.full
    intake.handed_on(section(intake))
    assert not intake.full
