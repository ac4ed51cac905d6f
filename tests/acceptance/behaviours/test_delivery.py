"""Records that reach a view in another order, or before those that they follow, seen from outside
(behaviour 14)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine import QueryRefused, Receipt
from tests.acceptance.behaviours import doorbells
from tests.acceptance.behaviours.domain import Create, Edit
from tests.acceptance.behaviours.world import KINDS, Inline, World, ask, fresh, make
from tests.deadline import until

INJECTED = Path(__file__).parent / "injected"
VIEW = "versions"


class Delayed:
    """A world whose doorbell can be late, and whose store can seem to lack something."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._folder = world, folder

    def set(self, what: str, position: int) -> Path:
        """See `doorbells`. The file ends it."""
        file = self._folder / f"{what}.{position}"
        file.touch()
        return file

    def delivered(self, *receipts: Receipt) -> None:
        """Returns when the view has had the records of these."""
        if isinstance(self.world, Inline):
            self.world.engine.turn()
            return
        for receipt in receipts:
            until((self._folder / f"heard.{VIEW}.{receipt.position}").exists, what="it is heard")


@pytest.fixture(scope="module", params=KINDS)
def delayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delayed]:
    folder = tmp_path_factory.mktemp(f"doorbells-{request.param}")
    patch = pytest.MonkeyPatch()
    with ExitStack() as cleanup:
        cleanup.callback(patch.undo)
        if request.param == "node":
            patch.setenv(doorbells.VARIABLE, str(folder))
            patch.setenv("PYTHONPATH", str(INJECTED))
        else:
            cleanup.enter_context(doorbells.installed(folder))
        world = make(request.param, folder)
        cleanup.callback(world.close)
        yield Delayed(world, folder)


def test_events_delivered_1_3_2_are_handled_1_2_3(delayed: Delayed) -> None:
    world, note = delayed.world, fresh()
    first = world.client.send(Create(note, text="1"), wait=f"projected:{VIEW}")
    delayed.set("late", first.position + 1)
    hidden = delayed.set("hidden", first.position + 1)  # so that only the doorbell brings them
    second, third = (world.client.send(Edit(note, text=text)) for text in "23")
    delayed.delivered(third, second)
    assert ask(world, VIEW, "seen", note) == [1, 2, 3]
    hidden.unlink()
    fourth = world.client.send(Edit(note, text="4"))
    assert ask(world, VIEW, "seen", note, fourth.at) == [1, 2, 3, 4]


def test_the_third_event_waits_while_the_second_is_missing(delayed: Delayed) -> None:
    world, note = delayed.world, fresh()
    first = world.client.send(Create(note, text="1"), wait=f"projected:{VIEW}")
    delayed.set("lost", first.position + 1)
    hidden = delayed.set("hidden", first.position + 1)
    _, third = (world.client.send(Edit(note, text=text)) for text in "23")
    delayed.delivered(third)
    assert ask(world, VIEW, "seen", note) == [1]
    with pytest.raises((QueryRefused, TimeoutError)):  # a busy machine may not get to say `behind` in time
        world.client.query(VIEW, "seen", {"note": note}, at_least=third.at, timeout_s=0.05)
    hidden.unlink()
    assert ask(world, VIEW, "seen", note, third.at) == [1, 2, 3]
