"""The link of one process to NATS: a connection that lives in a thread of its own, for programs that are not
asynchronous. It connects again by itself, to whichever server answers.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from engine.base.errors import ConfigError, Fault
from engine.base.masking import without_users

if TYPE_CHECKING:
    from engine.node.config import Config

T = TypeVar("T")

CONNECT_S = 5.0
PENDING_BYTES = 64 << 20  # of what is to be sent while no server answers
CLOSE_S = 2.0
CANCEL_S = 0.1  # until what goes on is cancelled once more
SCHEMES = ("nats", "tls", "ws", "wss")
REFUSED = ("authorization", "authentication", "permissions", "certificate", "tls", "ssl")
QUICK_S = 1.0  # a request to a server that has just died is never answered


class Link:
    """A connection to the servers of a list of URLs. `name`: what the servers show of it. `access`: what it
    shows them. Raises Fault if no server answers at the start, ConfigError if they refuse it."""

    def __init__(self, servers: Sequence[str], name: str, access: dict[str, Any] | None = None) -> None:
        self._servers, self._name, self._access = list(servers), name, access or {}
        self._failed = ""
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()
        self.client: Client
        try:
            self.client = self.ask(self._connect(), CONNECT_S)
        except (TimeoutError, OSError, nats.errors.Error) as error:
            self._end()
            raise self._refused(self._failed or repr(error)) from None
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

    def _refused(self, why: str) -> Fault | ConfigError:
        servers = ", ".join(without_users(url) for url in self._servers)
        if _is_refusal(why):
            hint = "cluster_credentials, cluster_ca and cluster_certificate say who this is"
            return ConfigError("the NATS servers refuse this node", servers=servers, error=why, hint=hint)
        hint = "start them, or name others by the setting cluster"
        return Fault("no NATS server answers", servers=servers, error=why, hint=hint)

    async def _connect(self) -> Client:
        async def quiet(error: Exception) -> None:
            """It connects again by itself; what fails meanwhile says so to who asked."""
            if not _is_refusal(self._failed):  # the next try may end before the server has said why
                self._failed = str(error) or repr(error)

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
            **self._access,
        )

    def _tell(self, subject: str, body: bytes) -> None:
        async def publish() -> None:
            with contextlib.suppress(nats.errors.Error):
                await self.client.publish(subject, body)

        task = self._loop.create_task(publish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        try:
            await self.client.flush(1)
        finally:
            await self.client.close()

    def _end(self) -> None:
        with contextlib.suppress(Exception):
            self.ask(self._abandon(), CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    async def _abandon(self) -> None:
        """Ends what runs, and then every connection: the client forgets those whose server refused it, has
        hung, or answered while they were given up."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # one that was just answered goes on
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_S)
        for transport in list(getattr(self._loop, "_transports", {}).values()):  # asyncio shows them nowhere
            transport.abort()
        await asyncio.sleep(0)  # the sockets are closed in the next round of the loop


def _is_refusal(why: str) -> bool:
    """True if a server has said that this node may not come in."""
    return any(word in why.lower() for word in REFUSED)


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


def link_to(config: "Config", name: str) -> Link:
    """A link to the servers that the settings name, with what they are to be shown."""
    return Link(servers_of(config.cluster), name, access_of(config))


def access_of(config: "Config") -> dict[str, Any]:
    """What the servers are shown, and are to show, as `nats.connect` wants it. Raises ConfigError."""
    access: dict[str, Any] = {}
    for name in ("cluster_credentials", "cluster_ca", "cluster_certificate"):
        path = getattr(config, name)
        try:
            if path:
                Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"the file of {name} cannot be read", path=path, error=error) from None
    if config.cluster_credentials:
        if find_spec("nkeys") is None:
            hint = "pip install 'ringfold[cluster]' brings it"
            raise ConfigError("cluster_credentials needs the package nkeys", hint=hint)
        kind = "nkeys_seed" if config.cluster_credentials.endswith(".nk") else "user_credentials"
        access[kind] = config.cluster_credentials
    if config.cluster_ca or config.cluster_certificate:
        try:
            context = ssl.create_default_context(cafile=config.cluster_ca or None)
            if config.cluster_certificate:
                context.load_cert_chain(config.cluster_certificate)
        except (ssl.SSLError, ValueError) as error:
            paths = {"cluster_ca": config.cluster_ca, "cluster_certificate": config.cluster_certificate}
            raise ConfigError("a certificate cannot be used", error=error, **paths) from None
        access["tls"] = context
    return access


def servers_of(setting: str) -> list[str]:
    """The URLs of a setting, separated by commas. Raises ConfigError."""
    urls = [url.strip() for url in setting.split(",") if url.strip()]
    if not urls or not all(map(_is_server, urls)):
        hint = "as in nats://10.0.0.1:4222,nats://10.0.0.2:4222"
        value = without_users(setting)
        raise ConfigError("the setting cluster lists URLs of NATS servers", value=value, hint=hint)
    return urls


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
