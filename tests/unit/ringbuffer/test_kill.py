"""SIGKILL of either end: at every step it takes, and at any time under load."""

import itertools
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import ringbuffer
from ringbuffer import Bell, Consumer, Producer, create
from tests.deadline import until
from tests.unit.ringbuffer.peers import PATIENCE_S, Child, fork, receive, record, send

CAPACITY, START = 256, 128  # so that a batch after EARLIER has to wrap around
PACKAGE = str(Path(ringbuffer.__file__).parent)
EARLIER = [bytes(100)]
BATCHES = {"other lengths": [b"a", b"second" * 10, b"third"], "equal lengths": [b"1" * 40, b"2" * 40]}


def dying_at(step: int, work: Callable[[], object]) -> None:
    """Does the work, killed by SIGKILL at this line, call or return of the ring's own code."""
    left = itertools.count(step, -1)

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    work()
    sys.settrace(None)


def killed_at_every_step(work: Callable[[], object], check: Callable[[bool], None], prepare: Any) -> int:
    """Kills the work at step 0, 1, 2, … until it gets through. Returns the number of steps."""
    for step in itertools.count():
        prepare()
        pid = fork(lambda step=step: dying_at(step, work))  # type: ignore[misc]
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code in (0, -signal.SIGKILL)
        check(code == 0)
        if code == 0:
            return step
    raise AssertionError


@pytest.mark.parametrize(
    "name", ["other lengths", pytest.param("equal lengths", marks=pytest.mark.smoke)]
)
def test_a_producer_killed_at_any_step_has_published_all_of_a_batch_and_its_mark_or_nothing(
    tmp_path: Path, name: str
) -> None:
    path, bell, batch = tmp_path / "ring", Bell.create(), BATCHES[name]

    def prepare() -> None:
        path.unlink(missing_ok=True)
        create(path, CAPACITY, START)
        with Producer(path, bell) as producer, Consumer(path, bell) as consumer:
            producer.try_publish(EARLIER, mark=1)
            consumer.take()
            consumer.release()
            assert consumer.prepare_wait()

    def work() -> None:
        producer = Producer(path, bell)
        producer.try_publish(batch, mark=2)
        os._exit(0)

    def check(done: bool) -> None:
        with Producer(path, bell) as producer, Consumer(path, bell) as consumer:
            got = consumer.take()
            assert got == (batch if producer.mark == 2 else [])
            assert not done or got
            consumer.release()
            assert producer.try_publish([b"next"], mark=3)
            assert consumer.take() == [b"next"]
            assert consumer.mark == 3

    assert killed_at_every_step(work, check, prepare) > 60
    bell.close()


def test_a_consumer_killed_at_any_step_has_released_all_it_took_or_nothing(tmp_path: Path) -> None:
    path, bell, batch = tmp_path / "ring", Bell.create(), BATCHES["other lengths"]

    def prepare() -> None:
        path.unlink(missing_ok=True)
        create(path, CAPACITY, START)
        with Producer(path, bell) as producer, Consumer(path, bell) as consumer:
            producer.try_publish(EARLIER)
            consumer.take()
            consumer.release()
            producer.try_publish(batch)

    def work() -> None:
        consumer = Consumer(path, bell)
        assert consumer.take() == batch
        consumer.release()
        consumer.wait(0)
        assert consumer.prepare_wait()
        consumer.cancel_wait()
        os._exit(0)

    def check(done: bool) -> None:
        with Producer(path, bell) as producer, Consumer(path, bell) as consumer:
            rest = consumer.take()
            assert rest == ([] if done else rest and batch)
            assert producer.try_publish([b"next"])
            assert producer.statistics().wakes == 0, "the dead do not sleep"
            assert consumer.take() == [b"next"]
            consumer.release()
            assert consumer.prepare_wait()
            assert producer.try_publish([b"wakes"])
            assert producer.statistics().wakes == 1

    assert killed_at_every_step(work, check, prepare) > 60
    bell.close()


@pytest.mark.parametrize("kills", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_a_producer_killed_again_and_again_repeats_and_loses_nothing(tmp_path: Path, kills: int) -> None:
    path, bell, chance = tmp_path / "ring", Bell.create(), random.Random(kills)
    create(path, 8192)
    count = 1000 * (kills + 1)
    arguments = (str(path), bell.fds, count, 10, str(tmp_path / "report"), sorted(os.sched_getaffinity(0)))
    number = killed = 0
    with Consumer(path, bell) as consumer:
        child = Child("fork", send, *arguments, fds=bell.fds)
        kill_at = chance.randrange(1, 1000)
        while not consumer.finished:
            consumer.wait(PATIENCE_S)
            for got in consumer.take(1024):
                assert got == record(number)
                number += 1
            consumer.release()
            if number >= kill_at and killed < kills:
                child.kill()
                assert child.wait() == -signal.SIGKILL
                killed += 1
                child = Child("fork", send, *arguments, fds=bell.fds)
                kill_at = number + chance.randrange(1, 1000)
        assert child.wait() == 0
    assert (number, killed) == (count, kills)
    bell.close()


@pytest.mark.parametrize("kills", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_a_consumer_killed_again_and_again_misses_nothing(tmp_path: Path, kills: int) -> None:
    path, bell, chance = tmp_path / "ring", Bell.create(), random.Random(kills)
    effects = tmp_path / "effects"
    effects.write_bytes(bytes(8))
    create(path, 8192)

    def done() -> int:
        return int.from_bytes(effects.read_bytes(), "little")

    number = 0
    with Producer(path, bell) as producer:
        for kill in range(kills + 1):
            child = Child("fork", receive, str(path), bell.fds, str(effects), fds=bell.fds)
            upto = number + chance.randrange(100, 1000)
            while number < upto:
                producer.publish([record(number)], deadline_s=PATIENCE_S)
                number += 1
            if kill < kills:
                enough = upto - chance.randrange(100)
                until(lambda enough=enough: done() >= enough)  # type: ignore[misc]
                child.kill()
                assert child.wait() == -signal.SIGKILL
        producer.finish()
        assert child.wait() == 0
    assert done() == number
    bell.close()
