"""What a gate has admitted, on its way into the logs of commands."""

from engine.cluster.memory_logs import MemoryLog
from engine.cluster.queueing import BUSY_AFTER_S, MESSAGE_BYTES, RETRY_S, Queueing, Turned
from engine.wire.groups import Group
from engine.wire.replicated import decode_commands
from tests.unit.engine.cluster.promises import Promises


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def queueing(*logs: MemoryLog, clock: Clock | None = None) -> Queueing:
    return Queueing("gate", [log.end() for log in logs], clock or Clock())


def look(some: Queueing) -> Turned:
    return some.look(lambda _: None)


def one(text: bytes) -> Group:
    return b"me", 1, text


def bodies(log: MemoryLog) -> list[list[bytes]]:
    return [[body for _, _, body in decode_commands(message.body)[1]] for message in log.messages]


def test_accepted_is_said_once_a_log_has_it_and_not_before() -> None:
    log, early = MemoryLog(), [(b"me", b"accepted")]
    some = queueing(log)
    some.admit({0: [one(b"x")]}, early)
    assert look(some).accepted == [], "it has only left"
    assert look(some).accepted == early
    assert some.idle


def test_accepted_waits_for_every_partition() -> None:
    logs, early = Promises(), [(b"me", b"accepted")]
    some = Queueing("gate", [logs.log(0), logs.log(1)], Clock())
    some.admit({0: [one(b"x")], 1: [one(b"y")]}, early)
    look(some)
    logs.answer(0)
    assert look(some).accepted == []
    logs.answer(1)
    assert look(some).accepted == early


def test_one_message_is_on_its_way_and_what_comes_meanwhile_goes_with_the_next() -> None:
    logs = Promises()
    some = Queueing("gate", [logs.log(0)], Clock())
    for text in (b"x", b"y", b"z"):
        some.admit({0: [one(text)]}, [])
        look(some)
    logs.answer(0)
    look(some)
    assert [[body for _, _, body in decode_commands(message)[1]] for message in logs.bodies[0]] == [
        [b"x"],
        [b"y", b"z"],
    ]


def test_a_message_is_not_longer_than_its_limit() -> None:
    log = MemoryLog()
    some = queueing(log)
    half = bytes(MESSAGE_BYTES // 2)
    some.admit({0: [one(half), one(half), one(b"x")]}, [])
    while not some.idle:
        look(some)
    assert [len(message) for message in bodies(log)] == [2, 1]


def test_a_full_log_turns_away_and_says_nothing_was_accepted() -> None:
    some = queueing(MemoryLog(most=0))
    some.admit({0: [one(b"x")]}, [(b"me", b"accepted")])
    look(some)
    turned = look(some)
    assert turned.full == {0: [one(b"x")]}
    assert turned.accepted == []
    assert some.idle


def test_what_was_not_answered_is_sent_again_until_it_is_even_if_the_log_is_full_then() -> None:
    log = MemoryLog()
    log.lost, clock = 1, Clock()
    some = queueing(log, clock=clock)
    some.admit({0: [one(b"x")]}, [(b"me", b"accepted")])
    look(some)
    log.most = 1
    for _ in range(4):
        assert look(some).full == {}, "the first try may be in the log"
        clock.now += RETRY_S
    log.most = 10
    for _ in range(3):
        turned = look(some)
        clock.now += RETRY_S
    assert turned.accepted == [(b"me", b"accepted")]
    assert bodies(log) == [[b"x"], [b"x"]], "twice, under the same ids"


def test_a_log_that_does_not_answer_is_not_asked_all_the_time() -> None:
    log, clock = MemoryLog(), Clock()
    log.deaf = 1_000
    some = queueing(log, clock=clock)
    some.admit({0: [one(b"x")]}, [])
    for _ in range(100):
        look(some)
    assert log.deaf == 999
    clock.now += RETRY_S
    look(some)
    assert log.deaf == 998


def test_while_a_log_is_silent_what_waits_is_turned_away() -> None:
    logs, clock = Promises(), Clock()
    some = Queueing("gate", [logs.log(0)], clock)
    some.admit({0: [one(b"x")]}, [])
    look(some)
    some.admit({0: [one(b"y")]}, [])
    assert look(some).full == {}
    clock.now += BUSY_AFTER_S + 0.1
    assert some.stuck(0)
    assert look(some).full == {0: [one(b"y")]}
    logs.answer(0)
    look(some)
    assert not some.stuck(0)


def test_a_silent_log_does_not_hinder_the_others() -> None:
    logs, clock = Promises(), Clock()
    some = Queueing("gate", [logs.log(0), logs.log(1)], clock)
    some.admit({0: [one(b"x")]}, [])
    look(some)
    clock.now += BUSY_AFTER_S + 0.1
    some.admit({0: [one(b"y")], 1: [one(b"z")]}, [])
    assert look(some).full == {0: [one(b"y")]}
    logs.answer(1)
    look(some)
    assert len(logs.bodies[1]) == 1
