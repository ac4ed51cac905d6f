"""Rings to test with: both ends in this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringbuffer import Bell, Consumer, Park, Producer, create


@dataclass
class Ring:
    """A ring with both ends attached."""

    path: Path
    bell: Bell
    producer: Producer
    consumer: Consumer

    def reattach_producer(self) -> None:
        self.producer.close()
        self.producer = Producer(self.path, self.bell)

    def reattach_consumer(self) -> None:
        self.consumer.close()
        self.consumer = Consumer(self.path, self.bell)

    def close(self) -> None:
        self.producer.close()
        self.consumer.close()
        self.bell.close()


MakeRing = Callable[..., Ring]


@pytest.fixture(params=["eventfd", "pipe"])
def bell(request: pytest.FixtureRequest) -> Iterator[Bell]:
    """A bell of each kind: the pipe is what there is where there is no eventfd."""
    bell = Bell.create(eventfd=request.param == "eventfd")
    yield bell
    bell.close()


@pytest.fixture
def make_ring(tmp_path: Path) -> Iterator[MakeRing]:
    """Makes rings of a capacity, closed after the test."""
    rings: list[Ring] = []

    def make(capacity: int = 1024, start: int = 0, bell: Bell | None = None, bound_s: float = 0.1) -> Ring:
        path = tmp_path / f"ring-{len(rings)}"
        bell = bell or Bell.create()
        create(path, capacity, start)
        ends = Producer(path, bell), Consumer(path, bell, strategy=Park(bound_s))
        rings.append(Ring(path, bell, *ends))
        return rings[-1]

    yield make
    for ring in rings:
        ring.close()
