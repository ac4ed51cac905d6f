"""The lanes of a worker: threads in which its handlers run, each with a client of its own.

    deliveries of an aggregate ──▶ always the same lane, one after the other

A lane that fails tries again after a pause, and its other aggregates wait with it. The main thread waits for
no lane: it looks now and then what is done.
"""

import threading
import time
import traceback
import zlib
from collections.abc import Callable
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


class Lane:
    """One thread. `done`: where it puts what it has handled; `failing`: how often in a row its present job
    has failed; `busy_since`: since when its handler runs, by the monotonic clock; None: it waits for the
    node, or none runs. `died`: what ended it, which the main thread has to raise: its deliveries would never
    be done, and no process end."""

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
        self.failing = 0
        self.busy_since: float | None = None
        self.died: BaseException | None = None
        self._handling_of, self._worker, self._node, self._done, self._log = (
            handling_of, worker, node, done, log,
        )  # fmt: skip
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

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
            while (job := self.jobs.get()) is not None and not self._stopping.is_set():
                if not self._do(handling, job):
                    return
                self._done.put(job)

    def _waits(self, waits: bool) -> None:
        """The handler waits for the node, or goes on."""
        self.busy_since = None if waits else time.monotonic()

    def _do(self, handling: Handling, job: Job) -> bool:
        """Does a job, however often it has to be tried. False: the node stops."""
        while not self._stopping.is_set():
            self.busy_since = time.monotonic()
            try:
                handling.go_round(job) if isinstance(job, Round) else handling.handle(job)
                self.failing = 0
                return True
            except Stopped:
                return False
            except BUGS as error:
                self._failed(job, error)
            finally:
                self.busy_since = None
            if isinstance(job, Round):
                return True  # the next round tries again
            self._stopping.wait(pause_after(self.failing))
        return False

    def _failed(self, job: Job, error: BaseException) -> None:
        self.failing += 1
        trace = "".join(traceback.format_exception(error)).rstrip() if self.failing == 1 else ""
        if isinstance(job, Round):
            self._log(Code.WORKER_FAILED, f"{job.attribute} failed", trace=trace, error=told(error))
            return
        self._log(
            Code.WORKER_FAILED,
            "a handler failed, and is tried again",
            trace=trace,
            aggregate=job.aggregate,
            event=job.type,
            position=job.position,
            failures=self.failing,
            error=told(error),
        )


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
        """The number of lanes whose present job has failed."""
        return sum(lane.failing > 0 for lane in self._all())

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
