"""The guard: connections are counted, and those that take too much are shut down."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from engine.base import guard as guarding
from engine.base.guard import Guard
from tests.acceptance.stranger import Bare
from tests.deadline import until


@pytest.fixture
def router() -> "Iterator[zmq.Socket[bytes]]":
    made: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    with made as socket:
        socket.setsockopt(zmq.LINGER, 0)
        yield socket
    until(lambda: not any(thread.name == "guard" for thread in threading.enumerate()))


def test_the_newest_connection_beyond_the_limit_is_shut_down(
    tmp_path: Path, router: "zmq.Socket[bytes]"
) -> None:
    said: list[str] = []
    guard = Guard(router, said.append, most=2)
    router.bind(f"ipc://{tmp_path}/s")
    with contextlib.ExitStack() as stack:
        first, second = (
            stack.enter_context(contextlib.closing(Bare(f"ipc://{tmp_path}/s", name)))
            for name in (b"a", b"b")
        )
        until(lambda: guard.connections == 2)
        with contextlib.suppress(AssertionError, ConnectionError):
            third = stack.enter_context(contextlib.closing(Bare(f"ipc://{tmp_path}/s", b"c")))
            until(third.is_shut)
        until(lambda: guard.shut == 1)
        assert not first.is_shut()
        assert not second.is_shut()
    assert len(said) == 1
    until(lambda: guard.connections == 0, what="those that leave are counted no more")


def test_a_message_without_end_is_ended_and_others_stay(tmp_path: Path, router: "zmq.Socket[bytes]") -> None:
    guard = Guard(router, lambda text: None)
    router.bind(f"ipc://{tmp_path}/s")
    with (
        contextlib.closing(Bare(f"ipc://{tmp_path}/s", b"honest")) as honest,
        contextlib.closing(Bare(f"ipc://{tmp_path}/s", b"hostile")) as hostile,
    ):
        hostile.pour(b"x" * 10_000, 10.0, more=True)
        until(lambda: guard.shut == 1)
        assert not honest.is_shut()


def test_what_the_process_itself_takes_is_not_the_fault_of_a_client(
    tmp_path: Path, router: "zmq.Socket[bytes]"
) -> None:
    guard = Guard(router, lambda text: None, allowance=4 << 20)
    router.bind(f"ipc://{tmp_path}/s")
    with contextlib.closing(Bare(f"ipc://{tmp_path}/s", b"honest")) as honest:
        until(lambda: guard.connections == 1)
        own = bytearray()
        while guard.grown <= 4 << 20:
            assert len(own) < 1 << 28
            own += os.urandom(1 << 18)  # little: growth counts until some looks have found no suspect
            honest.send(b"a question")
        until(lambda: guard.grown <= 4 << 20, what="it is taken for the process's own")
        assert not honest.is_shut()
        assert guard.shut == 0


def test_what_grew_before_a_client_came_is_not_its_fault(
    tmp_path: Path, router: "zmq.Socket[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    takes, looks = 1 << 20, 0

    def own_bytes(_: int) -> int:
        nonlocal looks
        looks += 1
        return takes

    def look_again() -> None:
        seen = looks
        until(lambda: looks > seen + 1)

    monkeypatch.setattr(guarding, "own_bytes", own_bytes)
    guard = Guard(router, lambda text: None)
    router.bind(f"ipc://{tmp_path}/s")
    look_again()
    takes += 100 << 20
    look_again()
    with contextlib.closing(Bare(f"ipc://{tmp_path}/s", b"honest")) as honest:
        honest.send(b"a question")
        router.recv_multipart()
        router.send_multipart([b"honest", b"x" * 100_000])  # more than who reads has on its way
        look_again()
        assert guard.grown == guard.shut == 0
        assert not honest.is_shut()
