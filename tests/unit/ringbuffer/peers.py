"""What runs in the other process, and how it is started: forked, or as a new interpreter.

Each program takes plain values only, so that both ways are the same to it. It ends with exit code 0 if all
was as it should be; an AssertionError is 1.
"""

import json
import os
import random
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ringbuffer import Bell, Consumer, Park, Producer

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
_BLOCK = bytes(i % 251 for i in range(2000))


class Mute(Bell):
    """A bell that wakes no process: every wake-up is lost."""

    def ring(self) -> None:
        return


def bell_of(fds: Sequence[int], mute: bool = False) -> Bell:
    return (Mute if mute else Bell)(tuple(fds), owned=False)


def record(number: int) -> bytes:
    """Every byte follows from the number; stretches of equal length alternate with stretches of any."""
    length = 200 if number // 100 % 2 else number * 7919 % 500
    return number.to_bytes(8, "little") + _BLOCK[number % 251 : number % 251 + length]


def send(path: str, fds: list[int], count: int, most: int, report: str, cores: list[int]) -> None:
    """Publishes records mark..count in batches of at most `most`, then finishes."""
    os.sched_setaffinity(0, cores)
    chance = random.Random(most)
    with Producer(path, bell_of(fds)) as producer:
        number = producer.mark
        while number < count:
            upto = min(count, number + chance.randrange(1, most + 1))
            batch = [record(n) for n in range(number, upto)]
            producer.publish(batch, deadline_s=PATIENCE_S, mark=upto)
            number = upto
        producer.finish()
        Path(report).write_text(json.dumps({"wakes": producer.statistics().wakes}))


def receive(path: str, fds: list[int], effects: str) -> None:
    """Takes records, notes the number of the last one in the file `effects`, and only then releases."""
    file = os.open(effects, os.O_RDWR | os.O_CREAT)
    done = int.from_bytes(os.pread(file, 8, 0), "little")
    with Consumer(path, bell_of(fds), strategy=Park(0.002)) as consumer:
        while not consumer.finished:
            consumer.wait(PATIENCE_S)
            for got in consumer.take(4096):
                number = int.from_bytes(got[:8], "little")
                assert got == record(number)
                assert number <= done, f"{number} after {done}"
                done = max(done, number + 1)
            os.pwrite(file, done.to_bytes(8, "little"), 0)
            consumer.release()


def echo(there: str, back: str, fds: list[int], fds_back: list[int], mute: bool, bound_s: float) -> None:
    """Sends every record back, one by one."""
    with (
        Consumer(there, bell_of(fds), strategy=Park(bound_s)) as consumer,
        Producer(back, bell_of(fds_back, mute)) as producer,
    ):
        while not consumer.finished:
            consumer.wait(PATIENCE_S)
            for got in consumer.take():
                producer.publish([got], deadline_s=PATIENCE_S)
            consumer.release()


def idle(path: str, fds: list[int]) -> None:
    """Sleeps until the producer finishes."""
    with Consumer(path, bell_of(fds)) as consumer:
        while not consumer.finished:
            consumer.wait(PATIENCE_S)


class Child:
    """Another process. `wait` returns its exit code, or minus the signal that ended it."""

    def __init__(self, how: str, program: Callable[..., None], *arguments: Any, fds: Sequence[int]) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        if how == "spawn":
            command = [sys.executable, "-m", __name__, program.__name__, json.dumps(arguments)]
            self._popen = subprocess.Popen(command, pass_fds=list(fds), cwd=ROOT)
            self.pid = self._popen.pid
        else:
            self.pid = fork(lambda: program(*arguments))

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        if self._code is None:
            if self._popen:
                self._code = self._popen.wait(PATIENCE_S)
            else:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def end(self) -> None:
        """For the end of a test: kills it if it still runs."""
        if self._code is None:
            self.kill()
            self.wait()


def fork(work: Callable[[], object]) -> int:
    """Does the work in a forked process, which ends with 0, or 1 for an exception. Returns its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    globals()[sys.argv[1]](*json.loads(sys.argv[2]))
