"""Clients of a gateway for its benchmark, each kind in a process of its own; they parse as little as they
can."""

import asyncio
import re
import time
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

from benchmarks.asking import spawning

STAMP = re.compile(rb'"title":"(\d+)"')
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def request(url: str, path: str, body: bytes) -> bytes:
    """A POST as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _address(url: str) -> tuple[str, int]:
    address = urlsplit(url)
    return address.hostname or "", address.port or 80


class Sending:
    """Requests from a process of their own, over `connections` that each wait for their answer."""

    def __init__(self, url: str, requests: list[bytes], connections: int) -> None:
        self._here, there = spawning.Pipe()
        told = (there, url, requests, connections)
        self._process = spawning.Process(target=_send_all, args=told, daemon=True)

    def run(self) -> tuple[float, list[float], int]:
        """(seconds, seconds of each request, how many were not answered 200)."""
        self.begin()
        return self.end()

    def begin(self) -> None:
        """Begins to send."""
        self._process.start()

    @property
    def pid(self) -> int:
        """The process that sends."""
        return self._process.pid or 0

    @property
    def over(self) -> bool:
        """True if all are answered."""
        return self._here.poll()

    def end(self) -> tuple[float, list[float], int]:
        """Waits until all are answered; what `run` returns."""
        found: tuple[float, list[float], int] = self._here.recv()
        self._process.join()
        return found


def _send_all(pipe: Connection, url: str, requests: list[bytes], connections: int) -> None:
    pipe.send(asyncio.run(_sent(url, requests, connections)))


async def _sent(url: str, requests: list[bytes], connections: int) -> tuple[float, list[float], int]:
    waiting = list(reversed(requests))
    loop, latencies, failed = asyncio.get_running_loop(), list[float](), list[bytes]()
    ended = [loop.create_future() for _ in range(connections)]
    began = time.perf_counter()
    for done in ended:
        await loop.create_connection(
            lambda done=done: _Sender(waiting, latencies, failed, done),  # type: ignore[misc]
            *_address(url),
        )
    await asyncio.gather(*ended)
    return time.perf_counter() - began, latencies, len(failed)


class _Sender(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one is whole."""

    def __init__(
        self, waiting: list[bytes], latencies: list[float], failed: list[bytes], done: "asyncio.Future[None]"
    ) -> None:
        self._waiting, self._latencies, self._failed, self._done = waiting, latencies, failed, done
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, rest = self._got.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if found else None
        if length is None or len(rest) < int(length[1]):
            return
        self._latencies.append(time.perf_counter() - self._since)
        if not head.startswith(b"HTTP/1.1 200") or b'"busy"' in rest:
            self._failed.append(head)
        self._got = b""
        self._next()

    def _next(self) -> None:
        if not self._waiting:
            self._transport.close()
            self._done.set_result(None)
            return
        self._since = time.perf_counter()
        self._transport.write(self._waiting.pop())


class Listening:
    """Streams that are read in a process of their own. `paths`: one for each."""

    def __init__(self, url: str, paths: list[str]) -> None:
        self._here, there = spawning.Pipe()
        self._process = spawning.Process(target=_listen_to, args=(there, url, paths))

    def __enter__(self) -> "Listening":
        self._process.start()
        self._here.recv()  # all of them are open
        return self

    def heard(self, expected: list[int]) -> tuple[list[int], list[float]]:
        """(events of each stream, the seconds that each event was late) once each has had as many as
        expected."""
        self._here.send(expected)
        found: tuple[list[int], list[float]] = self._here.recv()
        return found

    def __exit__(self, *_: object) -> None:
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()


def _listen_to(pipe: Connection, url: str, paths: list[str]) -> None:
    asyncio.run(_heard(pipe, url, paths))


async def _heard(pipe: Connection, url: str, paths: list[str]) -> None:
    address, loop, late = urlsplit(url), asyncio.get_running_loop(), list[float]()
    listeners = []
    for path in paths:
        head = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: text/event-stream\r\n\r\n"
        _, listener = await loop.create_connection(
            lambda head=head: _Listener(head.encode(), late),  # type: ignore[misc]
            *_address(url),
        )
        listeners.append(listener)
    await asyncio.gather(*(listener.open for listener in listeners))
    pipe.send("open")
    while not pipe.poll(0):
        await asyncio.sleep(0.05)
    expected, until = pipe.recv(), time.monotonic() + 30
    while time.monotonic() < until:
        if all(one.events >= wanted for one, wanted in zip(listeners, expected, strict=True)):
            break
        await asyncio.sleep(0.05)
    pipe.send(([listener.events for listener in listeners], late))


class _Listener(asyncio.Protocol):
    """One stream: counts its events, and how late each of them is."""

    def __init__(self, head: bytes, late: list[float]) -> None:
        self.events = 0
        self.open = asyncio.get_running_loop().create_future()
        self._head, self._late, self._rest = head, late, b""

    def connection_made(self, transport: Any) -> None:
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        if not self.open.done() and b"id: " in data:
            self.open.set_result(None)
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        now = time.monotonic_ns()
        stamps = STAMP.findall(whole)
        self.events += len(stamps)
        self._late += [(now - int(stamp)) / 1e9 for stamp in stamps]
