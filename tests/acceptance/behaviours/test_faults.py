"""Each part fails five times; the command still ends, rightly, and nothing hangs (behaviour 15)."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine import Subscriber
from engine.testing import InlineEngine
from tests.acceptance.behaviours import faults
from tests.acceptance.behaviours.domain import (
    Announce,
    Announced,
    Create,
    Edit,
    Exchange,
    Finish,
    box_of,
)
from tests.acceptance.behaviours.world import (
    KINDS,
    Inline,
    Running,
    World,
    ask,
    fresh,
    history,
    make,
)
from tests.deadline import until

TIMES = 5
TIMEOUT_S = 30.0
INJECTED = Path(__file__).parent / "injected"

# Those that can fail at once, because they are in different processes.
TOGETHER = [("store", "position-store", "message-publisher"), ("publisher", "manager-store")]

errors = pytest.mark.parametrize("error", faults.KINDS)


class Faulty:
    """A world whose parts can be made to fail."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._folder = world, folder

    def arm(self, place: str, error: str) -> None:
        faults.arm(self._folder, place, error, TIMES)

    def over(self, place: str) -> bool:
        """It has failed as often as it should."""
        return faults.left(self._folder, place) == 0

    def at_rest(self) -> None:
        """Everything that failed is at work again."""
        if isinstance(self.world, Running):
            until(self.world.node.at_work, TIMEOUT_S, "every process is at work")
        elif isinstance(self.world, Inline):
            self.world.engine.settle()


@pytest.fixture(scope="module", params=KINDS)
def faulty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    folder = tmp_path_factory.mktemp(f"faults-{request.param}")
    patch = pytest.MonkeyPatch()
    with ExitStack() as cleanup:
        cleanup.callback(patch.undo)
        if request.param == "node":
            patch.setenv(faults.VARIABLE, str(folder))
            patch.setenv("PYTHONPATH", str(INJECTED))
        else:
            publisher = ("publisher", InlineEngine, "_publish", faults.always)
            cleanup.enter_context(faults.installed(folder, publisher))
        world = make(request.param, folder)
        cleanup.callback(world.close)
        yield Faulty(world, folder)


@pytest.fixture
def note() -> str:
    return fresh()


def restarts(faulty: Faulty) -> int | None:
    """How often processes of the node have been started again; None: there is no node."""
    page = faulty.world.node.page if isinstance(faulty.world, Running) else None
    return None if page is None else sum(page.slot(name).restarts for name in page.names)


@pytest.mark.parametrize("error", ["io", pytest.param("unknown", marks=pytest.mark.smoke)])
@pytest.mark.parametrize("places", TOGETHER, ids=lambda places: places[0])
def test_commands_end_rightly_whatever_fails_after_them(
    faulty: Faulty, note: str, places: tuple[str, ...], error: str
) -> None:
    world = faulty.world
    world.client.send(Create(note, text="one"))
    before = restarts(faulty)
    for place in places:
        faulty.arm(place, error)
    exchanged = world.client.send(Exchange(note, text="two"), timeout_s=TIMEOUT_S)
    assert (exchanged.outcome, exchanged.version, exchanged.result) == ("committed", 2, {"was": "one"})
    edited = world.client.send(Edit(note, text="three"), wait="projected:texts", timeout_s=TIMEOUT_S)
    assert (edited.outcome, edited.version) == ("committed", 3)
    finished = world.client.send(Finish(note, text="done"), timeout_s=TIMEOUT_S)
    assert (finished.outcome, finished.version) == ("committed", 4)
    assert world.client.send(Edit(note, text="done"), timeout_s=TIMEOUT_S).outcome == "unchanged"
    world.until(lambda: history(world, box_of(note)), "the note is filed")
    for place in places:
        world.until(functools.partial(faulty.over, place), f"{place} has failed five times")
    if before is not None:
        wanted = before + len(places) * TIMES
        world.until(lambda: restarts(faulty) == wanted, "each time a process has ended")
    faulty.at_rest()
    assert [commit.version for commit in history(world, note)] == [1, 2, 3, 4]
    assert ask(world, "texts", "text", note, finished.at) == "done"
    assert ask(world, "versions", "seen", note, finished.at) == [1, 2, 3, 4]
    assert world.client.query("texts", "dead-letters") == []
    other = fresh()
    last = world.client.send_many([Create(other, text="one"), Finish(other, text="done")])[-1]
    world.until(lambda: history(world, box_of(other)), "the next note is filed behind it")
    assert ask(world, "texts", "text", other, last.at) == "done"
    assert [commit.version for commit in history(world, box_of(note))] == [1], "once, though sent again"


@errors
def test_a_message_is_delivered_under_one_id_until_it_is_acknowledged(
    faulty: Faulty, note: str, error: str, tmp_path: Path
) -> None:
    world, name = faulty.world, fresh("sink")
    world.client.send(Create(note, text="one"))
    Subscriber(world.data, name, [Announced], since="now").close()
    receipt = world.client.send(Announce(note))
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(world, Running):  # the subscriber runs in this process, not in one of the node's
            patch.setattr(faults, "EVERYWHERE", [e for e in faults.EVERYWHERE if e[0] == "subscriber"])
            patch.setattr(faulty, "_folder", tmp_path)
            with faults.installed(tmp_path):
                ids = _delivered(faulty, world, name, error)
        else:
            ids = _delivered(faulty, world, name, error)
    assert ids == [f"{receipt.id}-0"] * (TIMES + 1)
    with Subscriber(world.data, name, [Announced]) as sink:
        assert sink.take(0.0) == []


def _delivered(faulty: Faulty, world: World, name: str, error: str) -> list[str]:
    """The ids of what a subscriber gets that begins anew whenever it cannot acknowledge."""
    ids: list[str] = []
    faulty.arm("subscriber", error)
    while True:
        with Subscriber(world.data, name, [Announced]) as sink:
            (message,) = world.until(functools.partial(sink.take, 0), "the message comes")
            ids.append(message.id)
            try:
                sink.ack(message)
            except (OSError, ValueError):
                continue
            return ids
