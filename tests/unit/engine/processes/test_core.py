"""What a core does while the input looks for damage: it loads, and decides nothing before that is over."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from engine.base.errors import CorruptData
from engine.node.process import NodeProcess
from engine.node.roles import INPUT, Kind, Role
from engine.node.status import State
from engine.processes.core import beside_the_look


class Starting:
    """A core in a node that starts. `trace`: what it waited for and what it did, in order."""

    def __init__(self, restarts: int = 0) -> None:
        self.slot, self.partition = SimpleNamespace(restarts=restarts), 0
        self.trace: list[str] = []
        self._neighbours = {INPUT: State.REPLAYING, Role(Kind.OUTPUT, 0): State.STARTING}

    def slot_of(self, role: Role) -> SimpleNamespace:
        return SimpleNamespace(state=self._neighbours[role])

    def wait_until(self, holds: Callable[[], bool]) -> None:
        self.trace.append("the stores")

    def wait_for_look(self) -> None:
        self.trace.append("the look")

    def load(self, error: Exception | None = None) -> None:
        with beside_the_look(cast(NodeProcess, self)):
            self.trace.append("loads")
            if error is not None:
                raise error


def test_it_loads_once_the_store_is_there_and_goes_on_after_the_look() -> None:
    core = Starting()
    core.load()
    assert core.trace == ["the stores", "loads", "the look"]


def test_what_is_wrong_is_told_after_the_look_which_may_know_better() -> None:
    core = Starting()
    with pytest.raises(CorruptData):
        core.load(CorruptData("a value is damaged"))
    assert core.trace == ["the stores", "loads", "the look"]


def test_one_that_ended_while_it_loaded_loads_after_the_look() -> None:
    core = Starting(restarts=1)
    core.load()
    assert core.trace == ["the look", "loads", "the look"]
