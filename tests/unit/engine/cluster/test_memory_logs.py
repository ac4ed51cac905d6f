"""The logs in memory, as the tests of everything else rely on them."""

import pytest

from engine.cluster.logs import LogFull, Message, NoAnswer, Superseded
from engine.cluster.memory_logs import MemoryLog, MemoryRegister


def test_a_place_is_taken_once() -> None:
    log = MemoryLog()
    one, other = log.end(), log.end()
    assert one.append(b"a", 0).result() == 1
    with pytest.raises(Superseded):
        other.append(b"b", 0).result()
    assert other.at(1).result() == b"a"
    assert other.at(2).result() is None
    assert other.last().result() == 1


def test_who_follows_gets_what_is_there_and_then_what_comes() -> None:
    log, heard = MemoryLog(), list[Message]()
    end = log.end()
    for body in (b"a", b"b"):
        log.put(body, None)
    end.follow(1, heard.append)
    log.put(b"c", None)
    end.pause()
    log.put(b"d", None)
    assert [(one.sequence, one.body) for one in heard] == [(2, b"b"), (3, b"c")]


@pytest.mark.parametrize(
    ("fault", "error", "kept"),
    [("lost", NoAnswer, 1), ("deaf", NoAnswer, 0), ("slow", Superseded, 0)],
)
def test_each_fault_of_a_log(fault: str, error: type[Exception], kept: int) -> None:
    log = MemoryLog()
    setattr(log, fault, 1)
    with pytest.raises(error):
        log.put(b"a", 0).result()
    assert len(log.messages) == kept


def test_what_is_slow_is_taken_a_moment_later() -> None:
    log = MemoryLog()
    log.slow = 1
    log.put(b"a", 0)
    with pytest.raises(Superseded):
        log.put(b"a", 0).result()
    assert log.end().at(1).result() == b"a"


def test_a_full_log_has_room_again_once_it_is_trimmed() -> None:
    log = MemoryLog(most=1)
    log.put(b"a", None)
    with pytest.raises(LogFull):
        log.put(b"b", None).result()
    log.end().trim(1)
    assert log.put(b"b", None).result() == 2


def test_an_owner_is_changed_only_by_who_knows_the_one_before() -> None:
    register = MemoryRegister()
    first = register.claim(0, "a", None).result()
    assert register.claim(0, "b", None).result() is None
    second = register.claim(0, "b", first).result()
    assert second == register.owner(0).result()
    assert second is not None
    assert (second.node, second.term) == ("b", 2)
