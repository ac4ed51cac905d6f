"""The lanes of a worker: threads in which its handlers run, each with a client of its own.

    deliveries of an aggregate ──▶ always the same lane, one after the other

What fails is tried again after a pause. Meanwhile the later deliveries of its aggregate wait with it, and
those of other aggregates do not. The main thread waits for no lane: it looks now and then what is done.
"""

import threading
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from queue import Empty, SimpleQueue

from engine.base.errors import BUGS, RingfoldError, told
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.client.sync import Client
from engine.model.delivery import Delivery
from engine.model.workers import Round, Worker, WorkerSpec
from engine.node.endpoints import Endpoints
from engine.stages.working import Handling, Stopped, Telling, pause_after

CLOSE_S = 2.0  # for what runs when the node stops
Job = Delivery | Round


class _Aside:
    """The deliveries of an aggregate, the first of which has failed so often in a row, and is tried again
    when it is due."""

    __slots__ = ("due", "failures", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.failures, self.due = 0, 0.0


class Lane:
    """One thread. `done`: where it puts what it has handled; `busy_since`: since when its handler runs, by
    the monotonic clock; None: it waits for the node, or none runs. `died`: what ended it, which the main
    thread has to raise: its deliveries would never be done, and no process end."""

    def __init__(
        self,
        name: str,
        handling_of: Callable[[Telling], Handling],
        worker: str,
        node: Endpoints,
        done: "SimpleQueue[Job]",
        log: Log,
    ) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._aside: dict[str, _Aside] = {}  # by aggregate
        self._rounds_failed = 0  # in a row
        self.busy_since: float | None = None
        self.died: BaseException | None = None
        self._handling_of, self._worker, self._node, self._done, self._log = (
            handling_of, worker, node, done, log,
        )  # fmt: skip
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    @property
    def failing(self) -> int:
        """The number of aggregates whose first delivery has failed, and one if the last round has."""
        return len(self._aside) + (self._rounds_failed > 0)

    def stop(self) -> None:
        """Ends it once what runs has ended. What waits is delivered again to the next life."""
        self._stopping.set()
        self.jobs.put(None)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # such as no handler may raise, or of the client
            self.died = error

    def _work(self) -> None:
        with Client(self._node) as client:
            telling = Telling(self._worker, client, lambda: not self._stopping.is_set(), self._waits)
            handling = self._handling_of(telling)
            while (job := self._next()) is not None:
                self.busy_since = time.monotonic()
                try:
                    handling.go_round(job) if isinstance(job, Round) else handling.handle(job)
                except Stopped:
                    return
                except BUGS as error:
                    self._failed(job, error)
                else:
                    self._succeeded(job)
                finally:
                    self.busy_since = None

    def _waits(self, waits: bool) -> None:
        """The handler waits for the node, or goes on."""
        self.busy_since = None if waits else time.monotonic()

    def _next(self) -> Job | None:
        """What is to be tried again now, otherwise what is new; None: the node stops."""
        while not self._stopping.is_set():
            first = min(self._aside.values(), key=attrgetter("due"), default=None)
            wait_s = None if first is None else first.due - time.monotonic()
            if first is not None and wait_s is not None and wait_s <= 0:
                return first.waiting[0]
            try:
                job = self.jobs.get(timeout=wait_s)
            except Empty:
                continue
            if isinstance(job, Delivery) and (aside := self._aside.get(job.aggregate)):
                aside.waiting.append(job)
            else:
                return job
        return None

    def _succeeded(self, job: Job) -> None:
        if isinstance(job, Round):
            self._rounds_failed = 0
        elif aside := self._aside.get(job.aggregate):
            aside.waiting.popleft()
            aside.failures, aside.due = 0, time.monotonic()
            if not aside.waiting:
                del self._aside[job.aggregate]
        self._done.put(job)

    def _failed(self, job: Job, error: BaseException) -> None:
        if isinstance(job, Round):
            self._rounds_failed += 1
            trace = _trace(error, self._rounds_failed)
            self._log(Code.WORKER_FAILED, f"{job.attribute} failed", trace=trace, error=told(error))
            self._done.put(job)  # the next round tries again
            return
        aside = self._aside.setdefault(job.aggregate, _Aside())
        if not aside.waiting:
            aside.waiting.append(job)
        aside.failures += 1
        aside.due = time.monotonic() + pause_after(aside.failures)
        self._log(
            Code.WORKER_FAILED,
            "a handler failed, and is tried again",
            trace=_trace(error, aside.failures),
            aggregate=job.aggregate,
            event=job.type,
            position=job.position,
            failures=aside.failures,
            error=told(error),
        )


def _trace(error: BaseException, failures: int) -> str:
    """Once is enough."""
    return "".join(traceback.format_exception(error)).rstrip() if failures == 1 else ""


class Lanes:
    """All lanes of a worker, and one for its rounds."""

    def __init__(self, worker: Worker, spec: WorkerSpec, node: Endpoints, log: Log) -> None:
        self._done: SimpleQueue[Job] = SimpleQueue()

        def lane(name: str) -> Lane:
            handling_of = lambda telling: Handling(worker, spec, telling)  # noqa: E731
            return Lane(name, handling_of, spec.name, node, self._done, log)

        self._lanes = [lane(f"lane-{k}") for k in range(spec.cls.threads)] if spec.handlers else []
        self._due = dict.fromkeys(spec.rounds, 0.0)
        self._rounds = lane("rounds") if spec.rounds else None
        self._patience_s = spec.cls.patience_s

    def give(self, delivery: Delivery) -> None:
        """Gives a delivery to the lane of its aggregate."""
        lanes = self._lanes
        lanes[zlib.crc32(delivery.aggregate.encode()) % len(lanes)].jobs.put(delivery)

    def done(self) -> list[Delivery]:
        """What has been handled since the last call."""
        handled: list[Delivery] = []
        while True:
            try:
                job = self._done.get_nowait()
            except Empty:
                return handled
            if isinstance(job, Round):
                self._due[job] = time.monotonic() + job.seconds
            else:
                handled.append(job)

    def go_round(self) -> None:
        """Begins the rounds that are due. Raises RingfoldError if a lane has died."""
        for lane in self._all():
            if lane.died is not None:
                text = "a lane of a worker has died"
                raise RingfoldError(text, lane=lane.thread.name, error=told(lane.died)) from lane.died
        now = time.monotonic()
        for one, due in self._due.items():
            if now >= due and self._rounds is not None:
                self._due[one] = float("inf")  # until it has ended
                self._rounds.jobs.put(one)

    @property
    def failing(self) -> int:
        """The number of aggregates, and of rounds, of which the last attempt has failed."""
        return sum(lane.failing for lane in self._all())

    def hang(self) -> bool:
        """True if a handler has run for longer than its worker's patience."""
        since = [lane.busy_since for lane in self._all()]
        return any(at is not None and time.monotonic() - at > self._patience_s for at in since)

    def close(self) -> None:
        """Ends them. A handler that does not end soon is left behind, and its process ends around it."""
        for lane in self._all():
            lane.stop()
        until = time.monotonic() + CLOSE_S
        for lane in self._all():
            lane.thread.join(max(0.0, until - time.monotonic()))

    def _all(self) -> list[Lane]:
        return [*self._lanes, *([self._rounds] if self._rounds else [])]
