"""The lanes of a worker: what ends one ends the process, which would wait for it for ever."""

import threading
from pathlib import Path
from typing import ClassVar

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


@app.worker("choosy")
class Choosy(Worker):
    """`fails`: the handler fails for aggregate a; `handled`: what it has handled, in order."""

    fails = True
    handled: ClassVar[list[tuple[str, int]]] = []

    @on(Asked)
    def asked(self, event: Asked, delivery: Delivery) -> None:
        if delivery.aggregate == "a" and delivery.version == 1 and self.fails:
            raise ValueError("not this one")
        self.handled.append((delivery.aggregate, delivery.version))


def test_what_fails_holds_up_its_own_aggregate_and_no_other_one_of_the_lane(tmp_path: Path) -> None:
    app.check()
    spec = app.workers["choosy"]
    lanes = Lanes(spec.factory(), spec, endpoints(tmp_path), no_log)
    wanted = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("c", 1)]
    for position, (name, version) in enumerate(wanted):
        id = f"{position}-0"
        lanes.give(Delivery(id, "lanes.asked", Asked(), name, version, 0, position, 0, 1, None, None))
    others, done = [("b", 1), ("b", 2), ("c", 1)], list[Delivery]()
    until(lambda: Choosy.handled == others, 10, "the others are handled")
    until(lambda: lanes.failing == 1, 10, "one fails")
    done += lanes.done()
    Choosy.fails = False
    until(lambda: [*others, ("a", 1), ("a", 2)] == Choosy.handled, 10, "and then its own, in their order")
    until(lambda: lanes.failing == 0, 10, "none fails")
    done += lanes.done()
    assert [(one.aggregate, one.version) for one in done] == Choosy.handled
    lanes.close()


def started(lanes: Lanes) -> list[threading.Thread]:
    return [lane.thread for lane in lanes._all()]
