"""The lanes of a worker: what ends one ends the process, which would wait for it for ever."""

import threading
from pathlib import Path

import pytest

from engine import Aggregate, Command, Delivery, Engine, Event, Tell, Worker, applies, handles, on
from engine.base.errors import RingfoldError
from engine.base.log import no_log
from engine.node.endpoints import Endpoints
from engine.processes.lanes import Lanes
from tests.deadline import until

app = Engine("lanes")


class Ask(Command, name="lanes.ask"): ...


class Asked(Event, name="lanes.asked"): ...


@app.aggregate
class Errand(Aggregate):
    @handles(Ask, exists="may")
    def ask(self, command: Ask) -> Asked:
        return Asked()

    @applies(Asked)
    def _asked(self, event: Asked) -> None: ...


@app.worker("runner")
class Runner(Worker):
    @on(Asked)
    def asked(self, event: Asked) -> None:
        raise KeyboardInterrupt


def endpoints(folder: Path) -> Endpoints:
    """Of a node that is not there."""
    return Endpoints(
        commands=f"ipc://{folder}/commands",
        queries={},
        process_managers={},
        reads="",
        events=[],
        max_message_bytes=1 << 20,
        max_commands_per_message=100,
        max_in_flight_per_client=100,
        status="",
        data=str(folder),
        app="lanes",
        partitions=1,
        pid=0,
    )


def test_a_lane_that_dies_is_noticed(tmp_path: Path) -> None:
    app.check()
    spec = app.workers["runner"]
    lanes = Lanes(spec.factory(), spec, endpoints(tmp_path), no_log)
    lanes.go_round()
    lanes.give(Delivery("0-0", "lanes.asked", Asked(), "a", 1, 0, 1, 0, 1, None, None))
    until(lambda: any(not one.is_alive() for one in started(lanes)), 10, "a lane has died")
    with pytest.raises(RingfoldError, match=r"a lane of a worker has died .*KeyboardInterrupt"):
        lanes.go_round()
    lanes.close()


@app.worker("teller")
class Teller(Worker):
    """`waits`: set once its handler is about to tell."""

    waits = threading.Event()

    @on(Asked)
    def asked(self, event: Asked, tell: Tell) -> None:
        self.waits.set()
        tell(Ask("b"))


def test_a_handler_that_waits_for_a_node_that_does_not_answer_does_not_hang(tmp_path: Path) -> None:
    app.check()
    spec = app.workers["teller"]
    lanes = Lanes(spec.factory(), spec, endpoints(tmp_path), no_log)
    lanes._patience_s = 0.0
    lanes.give(Delivery("0-0", "lanes.asked", Asked(), "a", 1, 0, 1, 0, 1, None, None))
    until(Teller.waits.is_set, 10, "it is about to tell")
    until(lambda: not lanes.hang(), 10, "it waits, for ever if need be")
    assert not lanes.hang()
    lanes.close()


def started(lanes: Lanes) -> list[threading.Thread]:
    return [lane.thread for lane in lanes._all()]
