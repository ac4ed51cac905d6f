"""Two processes, whole and healthy: order, wholeness, waking, idling. The sizes that take long are slow."""

import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ringbuffer import Bell, Consumer, Park, Producer, RingTimeout, create
from tests.deadline import until
from tests.unit.ringbuffer.peers import PATIENCE_S, Child, bell_of, echo, idle, receive, record, send

CORES = sorted(os.sched_getaffinity(0))
slow = pytest.mark.slow

Start = Callable[..., Child]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts children, and ends them with the test."""
    with contextlib.ExitStack() as ends:

        def start(*arguments: object, **options: object) -> Child:
            child = Child(*arguments, **options)  # type: ignore[arg-type]
            ends.callback(child.end)
            return child

        yield start


@pytest.fixture(params=[1, 2], ids=["one core", "two cores"])
def cores(request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """Both processes on these."""
    if len(CORES) < request.param:
        pytest.skip("not so many cores")
    os.sched_setaffinity(0, CORES[: request.param])
    yield CORES[: request.param]
    os.sched_setaffinity(0, CORES)


@pytest.mark.parametrize("how", ["fork", "spawn"])
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=slow)])
def test_every_record_arrives_once_in_order_and_untorn(
    tmp_path: Path, bell: Bell, start: Start, cores: list[int], how: str, count: int
) -> None:
    create(tmp_path / "ring", 1 << 16)
    report = tmp_path / "report"
    arguments = (str(tmp_path / "ring"), bell.fds, count, 20, str(report), cores)
    with Consumer(tmp_path / "ring", bell) as consumer:
        child = start(how, send, *arguments, fds=bell.fds)
        number = 0
        while not consumer.finished:
            consumer.wait(PATIENCE_S)
            for got in consumer.take():
                assert got == record(number)
                number += 1
            consumer.release()
        parks = consumer.statistics().parks
    assert number == count
    assert child.wait() == 0
    assert json.loads(report.read_text())["wakes"] <= parks


@pytest.mark.parametrize("mute", [False, True], ids=["woken", "never woken"])
@pytest.mark.parametrize("how", ["fork", "spawn"])
@pytest.mark.parametrize("rounds", [300, pytest.param(12_500, marks=slow)])
def test_no_wait_is_longer_than_its_bound(
    tmp_path: Path, bell: Bell, start: Start, how: str, mute: bool, rounds: int
) -> None:
    """Two parks a round, 10^5 over the four ways of the slow size. With wake-ups, the bound is so long that
    one lost wake-up would show; without any, it is all that there is.
    """
    bound_s = 0.001 if mute else 10.0
    back = Bell.create()
    for name in ("there", "back"):
        create(tmp_path / name, 4096)
    arguments = (str(tmp_path / "there"), str(tmp_path / "back"), bell.fds, back.fds, mute, bound_s)
    with (
        Producer(tmp_path / "there", bell_of(bell.fds, mute)) as producer,
        Consumer(tmp_path / "back", back, strategy=Park(bound_s)) as consumer,
    ):
        child = start(how, echo, *arguments, fds=(*bell.fds, *back.fds))
        assert until(lambda: producer.peer_pid == child.pid, PATIENCE_S)
        longest_s = 0.0
        for number in range(rounds):
            began = time.monotonic()
            producer.publish([record(number)], deadline_s=PATIENCE_S)
            assert consumer.wait(PATIENCE_S)
            longest_s = max(longest_s, time.monotonic() - began)
            assert consumer.take() == [record(number)]
            consumer.release()
        producer.finish()
        assert child.wait() == 0
        assert consumer.statistics().parks >= rounds / 4, "it did not even sleep"
    assert longest_s < 5.0
    back.close()


def test_a_sleeping_process_uses_under_two_percent_of_a_core(
    tmp_path: Path, bell: Bell, start: Start
) -> None:
    create(tmp_path / "ring", 4096)
    with Producer(tmp_path / "ring", bell) as producer:
        child = start("spawn", idle, str(tmp_path / "ring"), bell.fds, fds=bell.fds)
        assert until(lambda: producer.peer_pid == child.pid, PATIENCE_S)
        times = psutil.Process(child.pid).cpu_times
        began, before = time.monotonic(), sum(times()[:2])
        until(lambda: time.monotonic() - began > 1.5)
        used = sum(times()[:2]) - before
        assert used <= 0.02 * (time.monotonic() - began) + 0.01, "0.01 s is what cpu_times can tell"
        producer.finish()
        assert child.wait() == 0


@pytest.mark.parametrize("stopped_s", [0.2, pytest.param(2.0, marks=slow)])
def test_a_stopped_consumer_delays_and_loses_nothing(
    tmp_path: Path, bell: Bell, start: Start, stopped_s: float
) -> None:
    create(tmp_path / "ring", 4096)
    effects = tmp_path / "effects"
    with Producer(tmp_path / "ring", bell) as producer:
        child = start("fork", receive, str(tmp_path / "ring"), bell.fds, str(effects), fds=bell.fds)
        producer.publish([record(0)], deadline_s=PATIENCE_S)
        assert until(lambda: producer.backlog == 0)
        child.kill(signal.SIGSTOP)
        number = 1
        while producer.try_publish([record(number)]):
            number += 1
        with pytest.raises(RingTimeout):
            producer.publish([record(number)], deadline_s=stopped_s)
        child.kill(signal.SIGCONT)
        for _ in range(50):
            producer.publish([record(number)], deadline_s=PATIENCE_S)
            number += 1
        producer.finish()
        assert child.wait() == 0
    assert int.from_bytes(effects.read_bytes(), "little") == number


@pytest.mark.parametrize("stopped_s", [0.2, pytest.param(2.0, marks=slow)])
def test_a_stopped_producer_delays_and_loses_nothing(
    tmp_path: Path, bell: Bell, start: Start, stopped_s: float
) -> None:
    create(tmp_path / "ring", 4096)
    count = 5000
    arguments = (str(tmp_path / "ring"), bell.fds, count, 3, str(tmp_path / "report"), CORES)
    with Consumer(tmp_path / "ring", bell) as consumer:
        child = start("fork", send, *arguments, fds=bell.fds)
        assert consumer.wait(PATIENCE_S)
        child.kill(signal.SIGSTOP)
        number = 0
        while consumer.wait(stopped_s):
            number += len(consumer.take())
            consumer.release()
        assert 0 < number < count
        child.kill(signal.SIGCONT)
        while consumer.wait(PATIENCE_S):
            for got in consumer.take():
                assert got == record(number)
                number += 1
            consumer.release()
        assert child.wait() == 0
    assert number == count


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no /dev/shm")
@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_in_shared_memory_but_the_file_nor_descriptors_nor_children(
    start: Start, killed: bool
) -> None:
    descriptors, children = len(os.listdir("/proc/self/fd")), len(psutil.Process().children())
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        ring, bell = Path(folder) / "ring", Bell.create()
        create(ring, 4096)
        with Consumer(ring, bell) as consumer:
            arguments = (str(ring), bell.fds, 3000, 5, str(Path(folder) / "report"), CORES)
            child = start("spawn", send, *arguments, fds=bell.fds)
            assert consumer.wait(PATIENCE_S)
            if killed:
                child.kill()
            while not consumer.finished and not (killed and consumer.backlog == 0):
                consumer.wait(0.01)
                consumer.take()
                consumer.release()
            assert child.wait() == (-signal.SIGKILL if killed else 0)
        bell.close()
        assert set(os.listdir(folder)) <= {"ring", "report"}
    assert folder not in Path("/proc/self/maps").read_text()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(psutil.Process().children()) == children
