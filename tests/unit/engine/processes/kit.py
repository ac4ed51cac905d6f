"""A process of a node that is none: its rings, store and journal are real, and a test runs its loop."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.node.manifest import new_manifest, write_manifest
from engine.node.meters import MeterPage
from engine.node.roles import RINGS, Ring, Role
from engine.node.status import State
from ringbuffer import Bell, Consumer, Producer, create

RING_BYTES = 1 << 20


class LoneProcess:
    """What a loop asks of its process. The other end of each ring is the test's: `feed`, `drain`."""

    def __init__(self, folder: Path, role: Role) -> None:
        self.role, self.name, self.run = role, role.name, folder
        self.partition, self.partitions = role.partition, 1
        self.config = Config(segment_bytes=1 << 20, snapshot_events=0, max_message_bytes=1 << 17)
        self.data = DataDirectory(folder / "data", 64 << 20)
        self.data.path.mkdir()
        write_manifest(self.data.manifest_file, new_manifest("lone", "", 1))
        self.endpoints = SimpleNamespace(commands=f"ipc://{folder}/c", events=[f"ipc://{folder}/e"])
        self.slot = SimpleNamespace(
            state=State.STARTING,
            sequence=0,
            position=0,
            epoch=0,
            progress=0,
            lost_replies=0,
            restarts=0,
            looked=0,
        )
        MeterPage.create(folder / "meters", [role])
        self.meters = MeterPage.attach(folder / "meters", [role]).lines[role.name]
        self.stopping = False
        self._bell = Bell.create()
        self.wake = os.eventfd(0, os.EFD_CLOEXEC)  # is never told to stop
        self._rings = {ring: folder / ring.name for ring in RINGS}
        for path in self._rings.values():
            create(path, RING_BYTES)

    def feed(self, ring: Ring, *records: bytes) -> None:
        """Fills a ring and finishes it."""
        producer = Producer(self._rings[ring], self._bell)
        if records:
            assert producer.try_publish(records)
        producer.finish()
        producer.close()

    def drain(self, ring: Ring) -> list[bytes]:
        """All that is in a ring."""
        consumer = Consumer(self._rings[ring], self._bell)
        records = [bytes(record) for record in consumer.take(1 << 30)]
        consumer.close()
        return records

    def bell(self, _role: Role) -> Bell:
        return self._bell

    def producer(self, ring: Ring, _partition: int | None = None) -> Producer:
        return Producer(self._rings[ring], self._bell)

    def consumer(self, ring: Ring, bell: Bell, _partition: int | None = None) -> Consumer:
        return Consumer(self._rings[ring], bell)

    def slot_of(self, _role: Role) -> Any:
        return self.slot

    def log(self, *_: object, **__: object) -> None: ...

    def beat(self) -> None: ...

    def worked(self) -> None: ...

    def patience(self) -> float:
        return 0.001

    def abort(self) -> bool:
        return False

    def waits(self) -> bool:
        return False

    def running(self) -> None:
        self.slot.state = State.RUNNING
