"""Streams: bounded, in order, and over when the client is too slow."""

import asyncio

import pytest

from engine.gateway import streams
from engine.gateway.streams import Stream


def test_what_is_offered_comes_in_its_order_and_together() -> None:
    async def story() -> None:
        stream = Stream()
        for piece in (b"a", b"b", b"c"):
            stream.offer(piece)
        assert await stream.next() == b"abc"
        stream.offer(b"d")
        stream.end()
        assert await stream.next() == b"d"
        assert await stream.next() == b""
        stream.offer(b"late")
        assert await stream.next() == b""

    asyncio.run(story())


def test_a_client_that_is_too_far_behind_gets_its_farewell_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_BYTES", 10)

    async def story() -> None:
        stream = Stream(b"retry")
        stream.offer(b"12345678")
        stream.offer(b"9")
        assert not stream.over
        stream.offer(b"10")
        assert (stream.over, stream.too_slow) == (True, True)
        assert await stream.next() == b""
        assert stream.farewell == b"retry"

    asyncio.run(story())


def test_one_piece_is_kept_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_BYTES", 10)

    async def story() -> None:
        stream = Stream()
        stream.offer(b"x" * 100)
        assert await stream.next() == b"x" * 100

    asyncio.run(story())


def test_the_past_comes_before_what_is_held_and_waits_for_its_reader() -> None:
    async def story() -> None:
        stream = Stream()
        stream.hold()
        stream.offer(b"live")
        putting = asyncio.create_task(stream.put(b"past"))
        await asyncio.sleep(0)
        assert not putting.done()
        assert await stream.next() == b"past"
        waiting = asyncio.create_task(stream.next())  # the reader is back for more
        await putting
        stream.release()
        assert await waiting == b"live"

    asyncio.run(story())


def test_a_client_that_does_not_read_the_past_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE_S", 0.01)

    async def story() -> None:
        stream = Stream()
        await stream.put(b"past")
        assert stream.too_slow

    asyncio.run(story())
