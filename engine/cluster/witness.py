"""The witness: what must hold of the servers before their word that something is durable is worth anything.

flushed before it is acknowledged     sync_interval: always
copies                                as many as the setting asks for
messages as large as a batch          max_payload
a version whose faults are known      at least 2.15
"""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from typing import Any, NamedTuple

from nats.js.errors import NotFoundError

from engine.cluster.jetstream import FAILURES, stream_of, until_answered
from engine.cluster.link import Link
from engine.wire.replicated import decode_decision

LEAST_VERSION = (2, 15)
MIB = 1 << 20
LEAST_PAYLOAD = 8 * MIB
BESIDE = 64 << 10  # of a message, what is not in the client's
ASK_S = 5.0
LEADER_S = 30.0


class Disabled(ValueError):
    """The server keeps nothing. NATS disables JetStream on a server whose disk is full, and enables it again
    only when that server is started again: seen with 2.15.1."""

    hint = "make room on its disk, then restart that server"


class Wrong(NamedTuple):
    """Something that does not hold: one line, and what to do."""

    text: str
    found: object
    hint: str


def wrong_with_servers(
    link: Link, monitors: list[str], *, copies: int = 1, payload: int = LEAST_PAYLOAD
) -> Iterator[Wrong]:
    """What is wrong with the servers. `monitors`: their HTTP addresses, which alone say how they flush;
    `copies`: how many servers keep a log; `payload`: the largest message that there may be."""
    yield from wrong_with_connected(link, payload)
    if len(monitors) < copies:
        text = "it cannot be seen whether the servers flush: too few monitoring addresses are known"
        yield Wrong(text, f"{len(monitors)} of {copies}", "cluster_monitors lists one for each server")
    silent: list[Wrong] = []
    for monitor in monitors:
        try:
            yield from wrong_with_monitored(monitor, payload)
        except Disabled as error:
            silent.append(Wrong(f"the server at {monitor} keeps nothing", error, error.hint))
        except (OSError, ValueError) as error:
            text = f"the monitoring port {monitor} does not answer"
            silent.append(Wrong(text, error, "http: in its configuration"))
    if 2 * len(silent) >= len(monitors):  # fewer may be down, and nodes have to start even so
        yield from silent


def wrong_with_connected(link: Link, payload: int = LEAST_PAYLOAD) -> Iterator[Wrong]:
    """What is wrong with the server to which the link leads now."""
    version = link.client.connected_server_version
    yield from _wrong_with_version("", f"{version.major}.{version.minor}.{version.patch}")
    yield from _wrong_with_payload("", link.client.max_payload, payload)


def wrong_with_monitored(monitor: str, payload: int = LEAST_PAYLOAD) -> Iterator[Wrong]:
    """What is wrong with the server that has this monitoring address. Raises OSError, ValueError, such as
    Disabled."""
    said, found = asked(monitor, "varz"), said_of_logs(monitor).get("config") or {}
    yield from _wrong_with_version(f" at {monitor}", str(said.get("version", "")))
    yield from _wrong_with_payload(f" at {monitor}", int(said.get("max_payload", 0)), payload)
    if not found.get("sync_always"):
        hint = "jetstream { sync_interval: always }"
        text = f"the server at {monitor} says that it has what is not on its disk"
        yield Wrong(text, found.get("sync_interval"), hint)


def _wrong_with_version(where: str, version: str) -> Iterator[Wrong]:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or tuple(map(int, numbers.groups())) < LEAST_VERSION:
        yield Wrong(f"the NATS server{where} is too old", version, "at least 2.15")


def _wrong_with_payload(where: str, found: int, payload: int) -> Iterator[Wrong]:
    if found < payload:
        text = f"the NATS server{where} takes no message as large as a batch"
        yield Wrong(text, found, f"max_payload: {-(-payload // MIB)}MB")


def wrong_with_copies(link: Link, name: str, partitions: int, replicas: int) -> Iterator[Wrong]:
    """Which logs have too few copies, or are not there. Raises what the link raises."""
    for stream in (stream_of(name, log, number) for number in range(partitions) for log in "CE"):
        try:
            info: Any = link.ask(link.quick.stream_info(stream), ASK_S)
        except NotFoundError as error:
            yield _missing(stream, error)
            continue
        yield from _wrong_copies(stream, info.config.num_replicas, replicas)


def _missing(stream: str, error: NotFoundError) -> Wrong:
    hint = "`ringfold cluster init` makes it, `ringfold cluster repair` fills it"
    return Wrong(f"the stream {stream} is not there", error.description, hint)


def _wrong_copies(stream: str, found: int, replicas: int) -> Iterator[Wrong]:
    if found < replicas:
        yield Wrong(
            f"the stream {stream} has too few copies", found, f"nats stream edit --replicas {replicas}"
        )


def wrong_with_streams(link: Link, name: str, partitions: int, replicas: int) -> Iterator[Wrong]:
    """What is wrong with the logs: copies, and messages that are gone."""
    for number in range(partitions):
        for log in "CE":
            stream = stream_of(name, log, number)
            try:
                info: Any = link.ask(until_answered(partial(link.quick.stream_info, stream)), LEADER_S)
            except NotFoundError as error:
                yield _missing(stream, error)
                continue
            yield from _wrong_copies(stream, info.config.num_replicas, replicas)
            state = info.state
            if log == "E" and state.messages and state.messages != state.last_seq - state.first_seq + 1:
                gone = state.last_seq - state.first_seq + 1 - state.messages
                text = f"the stream {stream} has lost messages"
                yield Wrong(
                    text, f"{gone} of {state.first_seq}..{state.last_seq}", "`ringfold cluster repair`"
                )
        with suppress(*FAILURES):  # a log that does not answer now is seen to when it is used
            last, decided = lost_commands(link, name, number)
            if decided:
                text = f"the log of commands of partition {number} ends before what is decided"
                yield Wrong(text, f"{last} of {decided}", "`ringfold cluster repair`")


def lost_commands(link: Link, name: str, partition: int) -> tuple[int, int]:
    """(last message of C, last one that is decided) if C ends before what is decided: new commands would be
    taken for old ones, and be passed over. (0, 0): it does not. Raises what the link raises."""
    decisions: Any = link.ask(link.streams.stream_info(stream_of(name, "E", partition)), ASK_S)
    commands: Any = link.ask(link.streams.stream_info(stream_of(name, "C", partition)), ASK_S)
    if not decisions.state.messages:
        return 0, 0
    stream, last = stream_of(name, "E", partition), decisions.state.last_seq
    message: Any = link.ask(link.streams.get_msg(stream, last), ASK_S)
    decided = decode_decision(message.data or b"").message
    return (commands.state.last_seq, decided) if commands.state.last_seq < decided else (0, 0)


def payload_for(max_message_bytes: int) -> int:
    """The largest message of a log: a batch of decisions, or what one client sent at once."""
    return max(LEAST_PAYLOAD, max_message_bytes + BESIDE)


def asked(monitor: str, what: str) -> dict[str, Any]:
    """What the monitoring port of a server says. Raises OSError, ValueError."""
    if not re.match(r"https?://", monitor):
        raise ValueError("not an HTTP address")
    try:
        with urllib.request.urlopen(f"{monitor}/{what}", timeout=ASK_S) as answer:
            found = json.loads(answer.read())
    except HTTPException as error:
        raise ValueError(f"not a monitoring port: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise ValueError("not a monitoring port")
    return found


def said_of_logs(monitor: str, more: str = "") -> dict[str, Any]:
    """What a server says of its logs, with its configuration. Raises OSError, ValueError; Disabled."""
    found = asked(monitor, f"jsz?config=1{more}")
    if found.get("disabled"):
        raise Disabled("JetStream is disabled there")
    return found


def flushes(monitor: str) -> bool | None:
    """True if the server has on disk what it says that it has; None if it does not answer, or keeps
    nothing."""
    try:
        return bool(said_of_logs(monitor).get("config", {}).get("sync_always"))
    except (OSError, ValueError):
        return None


def is_disabled(monitor: str) -> bool:
    """True if the server says that it keeps nothing."""
    try:
        said_of_logs(monitor)
    except (OSError, ValueError) as error:
        return isinstance(error, Disabled)
    return False


def names(monitor: str) -> tuple[str, str, str]:
    """(name, monitoring address, version) of a server; empty texts if it does not answer."""
    try:
        said = asked(monitor, "varz")
    except (OSError, ValueError):
        return "", monitor, ""
    return str(said.get("server_name", "")), monitor, str(said.get("version", ""))
