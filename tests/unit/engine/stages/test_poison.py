"""What a core has in hand when it dies, and when it runs the commands of a section one by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Aggregate, Command, Engine, Event, applies, handles
from engine.core.partition import Partition
from engine.node.status import Slot, StatusPage
from engine.stages.poison import Poison
from engine.wire.commands import encode_command, join_commands
from engine.wire.sections import encode_section

app = Engine("slow")


class Count(Command, name="count"):
    seconds: float = 0.0


class Counted(Event, name="counted"): ...


class Clock:
    """A clock that a handler moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


clock = Clock()


class DiesHere(BaseException):
    """The end of the process, as seen from within."""


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        if command.seconds < 0:
            raise DiesHere
        clock.now += command.seconds
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    with StatusPage.create(tmp_path / "status", ["core-0"]) as page:
        yield page.slot("core-0")


def section(first: int, *seconds: float) -> bytes:
    commands = [
        encode_command(Count("c", seconds=each, id=f"{first + n:032x}")) for n, each in enumerate(seconds)
    ]
    return encode_section(first, first - 1, 1_000 + first, [(b"who", len(commands), join_commands(commands))])


def run(poison: Poison, partition: Partition, first: int, *seconds: float) -> int:
    """Runs a section; returns the number of its batches."""
    return len(list(poison.run(partition, section(first, *seconds))))


def test_a_section_is_one_batch(tmp_path: Path, slot: Slot) -> None:
    poison = Poison(tmp_path / "poisoned", slot, clock)
    assert run(poison, Partition(app, 0), 1, 0.0, 0.0, 0.0) == 1
    assert slot.in_hand == 0


def test_the_commands_after_a_slow_section_run_one_by_one_until_they_are_fast_again(
    tmp_path: Path, slot: Slot
) -> None:
    poison, partition = Poison(tmp_path / "poisoned", slot, clock), Partition(app, 0)
    assert run(poison, partition, 1, 0.5, 0.5) == 1, "that they are slow is not known yet"
    assert run(poison, partition, 3, 0.1, 0.0, 0.0) == 3
    assert run(poison, partition, 6, 0.0, 0.0, 0.0) == 1


def test_a_command_that_ends_three_lives_is_set_aside_alone(tmp_path: Path, slot: Slot) -> None:
    path = tmp_path / "poisoned"
    for life in range(3):
        poison, partition = Poison(path, slot, clock), Partition(app, 0)
        with pytest.raises(DiesHere):
            run(poison, partition, 1, 0.0, -1.0, 0.0)
        assert slot.in_hand == (1 if life == 0 else 2), "after the first death it is known exactly"
    poison, partition = Poison(path, slot, clock), Partition(app, 0)
    assert poison.sequences == [2]
    assert run(poison, partition, 1, 0.0, -1.0, 0.0) == 3
    assert partition.sequence == 3
    assert run(poison, partition, 4, 0.0, 0.0) == 1
