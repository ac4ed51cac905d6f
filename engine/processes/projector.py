"""The projector of one view: takes events in by position, saves view and position together, answers queries.

The doorbell only says that there is something new; it may drop. A record that does not follow on the
last position is a gap, and everything missing is read from the event store. So a view converges to the
fold of the log whatever was lost, and a slow view slows nobody.
"""

import time
from typing import Any

import zmq

from engine.operate.errors import NoSpace
from engine.operate.status import State
from engine.processes.output import DOORBELL
from engine.processes.queries import Desk
from engine.processes.stage import Stage, run
from engine.store import Reader, View
from engine.wire.log import record_decoder

DRAIN_RECORDS = 64  # then queries have their turn
LOOK_S = 1.0  # how often the store is looked at without a doorbell: bounds what a lost one costs


class Fold:
    """A projection and how far it has come, in every partition."""

    def __init__(self, stage: Stage) -> None:
        app = stage.app()
        spec = app.projections[stage.view]
        folder = stage.data / "views" / f"{spec.name}-v{spec.version}"
        self.stage = stage
        self.view = View(folder, stage.config["map_bytes"], stage.partitions)
        self.projection = spec.factory()
        self.projection.load(self.view.items())
        self.positions = list(self.view.positions)
        self._unsaved: dict[bytes, bytes | None] = {}  # what a save without room did not keep
        self.queries = {
            name: (getattr(self.projection, found.attribute), found.request)
            for name, found in spec.queries.items()
        }
        self._handlers = {h.events[0]: getattr(self.projection, h.attribute) for h in spec.handlers}
        self._decode = record_decoder(app, spec.events()).decode
        self._readers = [
            Reader(stage.store(p), stage.config["map_bytes"]) for p in range(stage.partitions)
        ]

    def take(self, partition: int, first: int, last: int, record: bytes) -> None:
        """Takes in a record from the doorbell, after whatever is missing before it."""
        if first > self.positions[partition] + 1:
            self.catch_up(partition)
        if last > self.positions[partition]:
            self._apply(partition, record)

    def catch_up(self, partition: int) -> None:
        """Reads everything new from the store."""
        for _, record in self._readers[partition].records(self.positions[partition]):
            self._apply(partition, record)
            self.stage.beat()
            self.stage.slot.position = sum(self.positions)

    def look(self) -> None:
        """Catches up wherever the store is ahead."""
        for partition, reader in enumerate(self._readers):
            if reader.position() > self.positions[partition]:
                self.catch_up(partition)

    def save(self) -> None:
        """The checkpoint: changed items and positions in one transaction."""
        if self.positions != self.view.positions:
            self._unsaved.update(self.projection.save())
            self.view.save(self._unsaved.items(), self.positions)
            self._unsaved.clear()

    def close(self) -> None:
        """Closes everything."""
        for reader in self._readers:
            reader.close()
        self.view.close()

    def _apply(self, partition: int, record: bytes) -> None:
        first: int
        commits: list[Any]
        first, commits = self._decode(record)
        handler_of, done = self._handlers.get, self.positions[partition]
        if first <= done:
            commits = commits[done + 1 - first :]
        for commit in commits:
            for event in commit.events:
                handler = handler_of(type(event))
                if handler is not None:
                    handler(event, commit)
        self.positions[partition] = max(first, done + 1) + len(commits) - 1


def main(stage: Stage) -> None:
    """The loop: take what the doorbell brought, answer, save now and then, park."""
    stage.wait_for("input", State.RUNNING, State.STOPPING, State.STALLED)
    fold = Fold(stage)
    doorbell = listen(stage)
    desk = Desk(stage.node["queries"][stage.view], fold.queries, fold.positions)
    poller = zmq.Poller()
    poller.register(doorbell, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    stage.slot.state = State.REPLAYING
    fold.look()
    fold.save()
    stage.running()
    checkpoint_s = stage.config["checkpoint_ms"] / 1000
    save_at = look_at = time.monotonic()
    while not stage.stopping:
        stage.beat()
        busy = drain(doorbell, fold)
        if desk.serve() or busy:
            stage.slot.position = sum(fold.positions)
            stage.worked()
        else:
            poller.poll(int(min(stage.patience(), desk.patience()) * 1000))
        now = time.monotonic()
        if now > save_at:
            save(stage, fold)
            save_at = now + checkpoint_s
        if now > look_at or desk.waits_long():
            fold.look()
            look_at = now + LOOK_S
            if stage.abort():
                return
    fold.look()
    fold.save()
    fold.close()
    desk.close()
    doorbell.close(0)


def listen(stage: Stage) -> "zmq.Socket[bytes]":
    """The SUB end of every partition's doorbell."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 1000)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    for endpoint in stage.node["events"]:
        socket.connect(endpoint)
    return socket


def drain(doorbell: "zmq.Socket[bytes]", fold: Fold) -> bool:
    """Takes in the records at hand, within bounds. True if there were any."""
    for number in range(DRAIN_RECORDS):
        try:
            message = doorbell.recv(zmq.NOBLOCK)
        except zmq.Again:
            return number > 0
        partition, first, last = DOORBELL.unpack_from(message)
        fold.take(partition, first, last, message[DOORBELL.size :])
    return True


def save(stage: Stage, fold: Fold) -> None:
    """Saves, or says once that there is no room: the view goes on in memory until there is."""
    try:
        fold.save()
    except NoSpace as error:
        if stage.slot.state != State.STALLED:
            stage.log(str(error))
        stage.slot.state = State.STALLED
    else:
        stage.slot.state = State.RUNNING


if __name__ == "__main__":
    run("projector", main)
