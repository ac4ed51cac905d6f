"""The logs and the register on NATS JetStream.

Two streams a partition, with a file on the disk of each replica, and a bucket for who owns what. A decision
is appended with the sequence of the last one that its node knows (`Nats-Expected-Last-Sequence`), so that
the place behind it is taken once.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from nats.errors import Error as NatsError
from nats.js import api
from nats.js.errors import APIError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from engine.cluster.link import Keeper, Link
from engine.cluster.logs import LogFull, Message, NoAnswer, Owner, Superseded

EXPECTED = "Nats-Expected-Last-Sequence"
WRONG_LAST_SEQUENCE = 10071
IS_FULL = (10077, 10047, 10023)  # the most messages, bytes or storage
APPEND_S = 1.0
TOO_FEW_SERVERS = 10074
QUIET_S = 1.0  # without a message, after which it is asked whether there is one
AGAIN_S = 0.1
LEADER_S = 5.0
FAILURES = (NatsError, APIError, TimeoutError, asyncio.TimeoutError, OSError)


def subject_of(name: str, *parts: str | int) -> str:
    """A subject of the cluster of this name."""
    return ".".join((name, *map(str, parts)))


def stream_of(name: str, log: str, partition: int) -> str:
    """The stream of a log, `C` or `E`, of a partition."""
    return f"{name}-{log}-{partition}"


class _Stream:
    """One stream."""

    def __init__(self, link: Link, name: str, log: str, partition: int) -> None:
        self._link = link
        self._stream, self._subject = stream_of(name, log, partition), subject_of(name, log, partition)
        self._following: Keeper | None = None

    def follow(
        self, after: int, arrived: Callable[[Message], None], room: Callable[[], bool] = lambda: True
    ) -> None:
        """Reads what comes after a sequence; it waits while there is no `room`."""
        self.pause()
        self._following = self._link.keep(lambda: self._follow(after, arrived, room))

    def pause(self) -> None:
        """Follows no longer."""
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def at(self, sequence: int) -> "Future[bytes | None]":
        return self._link.promise(self._at(sequence))

    def last(self) -> "Future[int]":
        return self._link.promise(self._last())

    async def _at(self, sequence: int) -> bytes | None:
        try:
            found = await self._link.quick.get_msg(self._stream, sequence)
        except NotFoundError:
            return None
        except FAILURES as error:
            raise NoAnswer from error
        return found.data or b""

    async def _last(self) -> int:
        try:
            info = await self._link.quick.stream_info(self._stream)
        except FAILURES as error:
            raise NoAnswer from error
        return info.state.last_seq

    async def _append(self, body: bytes, headers: dict[str, str] | None = None) -> int:
        try:
            taken = await self._link.quick.publish(self._subject, body, timeout=APPEND_S, headers=headers)
        except APIError as error:
            code = getattr(error, "err_code", None)
            if code == WRONG_LAST_SEQUENCE:
                raise Superseded from None
            if code in IS_FULL:
                raise LogFull from None
            raise NoAnswer from error
        except FAILURES as error:
            raise NoAnswer from error
        return taken.seq

    async def _follow(self, after: int, arrived: Callable[[Message], None], room: Callable[[], bool]) -> None:
        following = after + 1
        while True:
            subscription = None
            try:
                subscription = await self._link.quick.subscribe(
                    self._subject,
                    stream=self._stream,
                    ordered_consumer=True,
                    idle_heartbeat=1,
                    config=api.ConsumerConfig(
                        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=following
                    ),
                )
                while True:
                    try:
                        message = await subscription.next_msg(QUIET_S)
                    except TimeoutError:
                        if await self._last() >= following:
                            break  # it has come, and did not come here
                        continue
                    meta = message.metadata
                    if meta.sequence.stream < following:
                        continue
                    while not room():
                        await asyncio.sleep(0.005)
                    stamp_ns = int(message.reply.split(".")[-2])
                    arrived(Message(meta.sequence.stream, stamp_ns, message.data))
                    following = meta.sequence.stream + 1
            except (*FAILURES, NoAnswer):
                await asyncio.sleep(AGAIN_S)
            finally:
                if subscription is not None:
                    with contextlib.suppress(*FAILURES):
                        await subscription.unsubscribe()


class JetStreamCommands(_Stream):
    """C of a partition."""

    def __init__(self, link: Link, name: str, partition: int) -> None:
        super().__init__(link, name, "C", partition)

    def append(self, body: bytes) -> "Future[int]":
        return self._link.promise(self._append(body))

    def trim(self, upto: int) -> "Future[None]":
        return self._link.promise(self._trim(upto))

    async def _trim(self, upto: int) -> None:
        try:
            await self._link.quick.purge_stream(self._stream, seq=upto + 1)
        except FAILURES as error:
            raise NoAnswer from error


class JetStreamDecisions(_Stream):
    """E of a partition."""

    def __init__(self, link: Link, name: str, partition: int) -> None:
        super().__init__(link, name, "E", partition)

    def leader(self) -> str:
        """The server that leads it; empty if that is not known."""
        try:
            info = self._link.ask(self._link.streams.stream_info(self._stream), LEADER_S)
        except FAILURES:
            return ""
        return info.cluster.leader or "" if info.cluster else ""

    def append(self, body: bytes, after: int) -> "Future[int]":
        return self._link.promise(self._append(body, {EXPECTED: str(after)}))


class JetStreamRegister:
    """Owners in a bucket, beats on a subject."""

    def __init__(self, link: Link, name: str) -> None:
        self._link, self._name = link, name
        self._bucket: KeyValue | None = None

    def owner(self, partition: int) -> "Future[Owner | None]":
        return self._link.promise(self._owner(partition))

    def claim(self, partition: int, node: str, before: Owner | None) -> "Future[Owner | None]":
        return self._link.promise(self._claim(partition, node, before))

    def beat(self, body: bytes) -> None:
        self._link.tell(subject_of(self._name, "beat"), body)

    def listen(self, heard: Callable[[bytes], None]) -> None:
        self._link.listen(subject_of(self._name, "beat"), heard)

    async def _owner(self, partition: int) -> Owner | None:
        try:
            entry = await (await self._opened()).get(f"own.{partition}")
        except NotFoundError:
            return None
        except FAILURES as error:
            raise NoAnswer from error
        found = json.loads(entry.value or b"{}")
        return Owner(found["node"], found["term"], entry.revision or 0)

    async def _claim(self, partition: int, node: str, before: Owner | None) -> Owner | None:
        term, last = (1, 0) if before is None else (before.term + 1, before.revision)
        body = json.dumps({"node": node, "term": term}).encode()
        try:
            revision = await (await self._opened()).update(f"own.{partition}", body, last=last)
        except KeyWrongLastSequenceError:
            return None
        except FAILURES as error:
            raise NoAnswer from error
        return Owner(node, term, revision)

    async def _opened(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await self._link.streams.key_value(self._name)
        return self._bucket


async def until_settled(work: Callable[[], Coroutine[Any, Any, Any]], patience_s: float = 30.0) -> Any:
    """Tries again while the servers settle who leads."""
    until = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await work()
        except FAILURES as error:
            is_final = getattr(error, "err_code", None) == TOO_FEW_SERVERS
            if is_final or asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(AGAIN_S)


async def until_answered(work: Callable[[], Coroutine[Any, Any, Any]], patience_s: float = 15.0) -> Any:
    """Asks again while the servers settle who leads; that something is not there is an answer."""
    until = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await work()
        except FAILURES as error:
            if isinstance(error, NotFoundError) or asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(AGAIN_S)


async def make_streams(
    link: Link,
    name: str,
    partitions: int,
    replicas: int,
    queue_bytes: int,
    begins: Sequence[tuple[int, int]] = (),
) -> None:
    """Makes the streams and the bucket of a cluster; what is there already stays. `begins`: of each partition
    the last messages of commands and of decisions that are over, where it does not begin with the first."""
    for partition in range(partitions):
        commands, decisions = begins[partition] if begins else (0, 0)
        for config in (
            api.StreamConfig(
                name=stream_of(name, "C", partition),
                subjects=[subject_of(name, "C", partition)],
                num_replicas=replicas,
                storage=api.StorageType.FILE,
                discard=api.DiscardPolicy.NEW,
                max_bytes=queue_bytes,
                duplicate_window=1.0,
                first_seq=commands + 1 if commands else None,
            ),
            api.StreamConfig(
                name=stream_of(name, "E", partition),
                subjects=[subject_of(name, "E", partition)],
                num_replicas=replicas,
                storage=api.StorageType.FILE,
                deny_delete=True,
                deny_purge=True,
                duplicate_window=1.0,
                first_seq=decisions + 1 if decisions else None,
            ),
        ):
            await until_settled(lambda config=config: link.streams.add_stream(config))  # type: ignore[misc]
    bucket = api.KeyValueConfig(bucket=name, replicas=replicas, history=1)
    await until_settled(lambda: link.streams.create_key_value(bucket))
