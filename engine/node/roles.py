"""The roles of a node: each process has one, and rings lead from one role to the next.

clients ──▶ input ──inbox──▶ core ──outbox──▶ output ──doorbell──▶ projectors, managers, workers
              ▲                                  │
              └───────────── replies ────────────┘         beside them: reader, snapshotter, gateway
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Kind(StrEnum):
    """What a process does; its program is `engine.processes.<kind>`."""

    INPUT = "input"
    CORE = "core"
    OUTPUT = "output"
    PROJECTOR = "projector"
    MANAGER = "manager"
    WORKER = "worker"
    READER = "reader"
    SNAPSHOTTER = "snapshotter"
    GATEWAY = "gateway"
    MEMBER = "member"


PIPELINE = (Kind.INPUT, Kind.CORE, Kind.OUTPUT)  # they stop first, each after what comes before it


class Role(msgspec.Struct, frozen=True):
    """One process of a node. `partition`: of a core or an output. `subject`: the view of a projector, the
    process manager of a manager, the worker of a worker."""

    kind: Kind
    partition: int = 0
    subject: str = ""

    @property
    def name(self) -> str:
        """Its name on the status page and in the log: input, core-0, projector-VIEW."""
        if self.kind in (Kind.CORE, Kind.OUTPUT):
            return f"{self.kind}-{self.partition}"
        return f"{self.kind}-{self.subject}" if self.subject else str(self.kind)

    def program(self, *, in_cluster: bool) -> str:
        """The module of `engine.processes` that it runs; the pipeline of a cluster's node is another one."""
        return f"cluster_{self.kind}" if in_cluster and self.in_pipeline else str(self.kind)

    @property
    def in_pipeline(self) -> bool:
        """True for the processes that a command passes through; every other process follows what is
        stored."""
        return self.kind in PIPELINE

    @property
    def is_needed(self) -> bool:
        """True for those without which the node does nothing that it promises."""
        return self.in_pipeline or self.kind is Kind.MEMBER


INPUT, READER, SNAPSHOTTER = Role(Kind.INPUT), Role(Kind.READER), Role(Kind.SNAPSHOTTER)
GATEWAY, MEMBER = Role(Kind.GATEWAY), Role(Kind.MEMBER)


class Ring(NamedTuple):
    """A ring of each partition: its name, who writes to it and who reads it."""

    name: str
    writer: Kind
    reader: Kind


INBOX = Ring("inbox", Kind.INPUT, Kind.CORE)
OUTBOX = Ring("outbox", Kind.CORE, Kind.OUTPUT)
REPLIES = Ring("replies", Kind.OUTPUT, Kind.INPUT)
RINGS = (INBOX, OUTBOX, REPLIES)


def roles_of(
    partitions: int,
    views: Iterable[str],
    process_managers: Iterable[str],
    workers: Iterable[str] = (),
    *,
    snapshots: bool,
    gateway: bool = False,
    member: bool = False,
) -> list[Role]:
    """The roles of a node, in the order in which its processes are started."""
    numbers = range(partitions)
    return [
        INPUT,
        *(Role(Kind.CORE, p) for p in numbers),
        *(Role(Kind.OUTPUT, p) for p in numbers),
        *(Role(Kind.PROJECTOR, subject=view) for view in views),
        *(Role(Kind.MANAGER, subject=name) for name in process_managers),
        *(Role(Kind.WORKER, subject=name) for name in workers),
        READER,
        *([SNAPSHOTTER] if snapshots else []),
        *([GATEWAY] if gateway else []),
        *([MEMBER] if member else []),
    ]
