"""The link of one process to NATS: a connection that lives in a thread of its own, for programs that are not
asynchronous. It connects again by itself, to whichever server answers.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from engine.base.errors import ConfigError, Fault

T = TypeVar("T")

CONNECT_S = 5.0
PENDING_BYTES = 64 << 20  # of what is to be sent while no server answers
CLOSE_S = 2.0
QUICK_S = 1.0  # a request to a server that has just died is never answered


class Link:
    """A connection to the servers of a list of URLs. `name`: what the servers show of it. Raises Fault if no
    server answers at the start."""

    def __init__(self, servers: Sequence[str], name: str) -> None:
        self._servers, self._name = list(servers), name
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()
        self.client: Client
        try:
            self.client = self.ask(self._connect(), CONNECT_S)
        except (TimeoutError, OSError, nats.errors.Error) as error:
            self._end()
            servers = ", ".join(self._servers)
            hint = "start them, or name others by the setting cluster"
            raise Fault("no NATS server answers", servers=servers, error=error, hint=hint) from None
        self.streams: JetStreamContext = self.client.jetstream(timeout=5)
        self.quick: JetStreamContext = self.client.jetstream(timeout=QUICK_S)
        """for what is asked again if it is not answered"""

    def promise(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Begins this in the link's thread; its result comes later."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def ask(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Does this in the link's thread. Raises TimeoutError, and what it raises."""
        promise = self.promise(work)
        try:
            return promise.result(timeout_s)
        except TimeoutError:
            promise.cancel()
            raise

    def tell(self, subject: str, body: bytes) -> None:
        """Sends to who listens, if any does; nothing says whether it has arrived."""
        self._loop.call_soon_threadsafe(self._tell, subject, body)

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> "Keeper":
        """Does this until the keeper is cancelled."""
        return Keeper(self, work)

    def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """Calls with each message to a subject, in the link's thread."""

        async def take(message: Any) -> None:
            heard(message.data)

        async def subscribe() -> None:
            await self.client.subscribe(subject, cb=take)

        self.ask(subscribe(), CONNECT_S)

    def close(self) -> None:
        """Ends the connection; what was told leaves, if that is possible at once."""
        with contextlib.suppress(Exception):
            self.ask(self._drain(), CLOSE_S)
        self._end()

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _connect(self) -> Client:
        async def quiet(_error: Exception) -> None:
            """It connects again by itself; what fails meanwhile says so to who asked."""

        return await nats.connect(
            self._servers,
            name=self._name,
            connect_timeout=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05,
            pending_size=PENDING_BYTES,
            error_cb=quiet,
            dont_randomize=True,
            ping_interval=2,
            max_outstanding_pings=2,
        )

    def _tell(self, subject: str, body: bytes) -> None:
        async def publish() -> None:
            with contextlib.suppress(nats.errors.Error):
                await self.client.publish(subject, body)

        task = self._loop.create_task(publish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        await self.client.flush(1)
        await self.client.close()

    def _end(self) -> None:
        async def cancel() -> None:
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        with contextlib.suppress(Exception):
            self.ask(cancel(), CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()


class Keeper:
    """Something that is done in the link's thread until it is cancelled."""

    def __init__(self, link: Link, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._promise = link.promise(work())

    def cancel(self) -> None:
        """It is no longer wanted."""
        self._promise.cancel()

    @property
    def error(self) -> BaseException | None:
        """What it ended with, if it ended."""
        return self._promise.exception() if self._promise.done() and not self._promise.cancelled() else None


def servers_of(setting: str) -> list[str]:
    """The URLs of a setting, separated by commas. Raises ConfigError."""
    urls = [url.strip() for url in setting.split(",") if url.strip()]
    wrong = [url for url in urls if not url.startswith(("nats://", "tls://", "ws://", "wss://"))]
    if wrong or not urls:
        hint = "as in nats://10.0.0.1:4222,nats://10.0.0.2:4222"
        raise ConfigError("the setting cluster lists URLs of NATS servers", value=setting, hint=hint)
    return urls
