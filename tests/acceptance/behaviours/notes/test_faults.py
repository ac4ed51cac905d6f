"""Each part fails five times; the command still ends, rightly, and nothing hangs (behaviour 15)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.reading import Subscriber
from engine.testing import InlineEngine
from tests.acceptance.behaviours.notes import faults
from tests.acceptance.behaviours.notes.domain import (
    Announce,
    Announced,
    Create,
    Created,
    Edit,
    Edited,
    Exchange,
    Finish,
    box_of,
)
from tests.acceptance.behaviours.notes.world import (
    KINDS,
    Inline,
    Running,
    World,
    ask,
    events,
    fresh,
    history,
    make,
)
from tests.deadline import until

TIMES = 5
TIMEOUT_S = 30.0
INJECTED = Path(__file__).parent / "injected"

errors = pytest.mark.parametrize("error", faults.KINDS)


class Faulty:
    """A world whose parts can be made to fail."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._folder = world, folder

    def arm(self, place: str, error: str) -> None:
        faults.arm(self._folder, place, error, TIMES)

    def left(self, place: str) -> int:
        return faults.left(self._folder, place)

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


def restarts(faulty: Faulty, process: str) -> int:
    """How often a process of the node has been started again; inline 0."""
    node = faulty.world.node if isinstance(faulty.world, Running) else None
    return 0 if node is None or node.page is None else node.page.slot(process).restarts


@errors
@pytest.mark.parametrize("place", ["store", "publisher"])
def test_commands_end_rightly_while_store_or_publisher_fail(
    faulty: Faulty, note: str, place: str, error: str
) -> None:
    world = faulty.world
    world.client.send(Create(note, text="one"))
    before = restarts(faulty, "output-0")
    faulty.arm(place, error)
    receipt = world.client.send(Exchange(note, text="two"), timeout_s=TIMEOUT_S)
    assert (receipt.outcome, receipt.version, receipt.result) == ("committed", 2, {"was": "one"})
    after = world.client.send(Edit(note, text="three"), wait="projected:texts", timeout_s=TIMEOUT_S)
    assert (after.outcome, after.version) == ("committed", 3)
    world.until(lambda: faulty.left(place) == 0, "it has failed five times")
    assert world.client.send(Edit(note, text="three"), timeout_s=TIMEOUT_S).outcome == "unchanged"
    faulty.at_rest()
    assert events(world, note) == [Created("one"), Edited("two"), Edited("three")]
    assert ask(world, "texts", "text", note, after.at) == "three"
    assert ask(world, "versions", "seen", note, after.at) == [1, 2, 3]
    if isinstance(world, Running):
        assert restarts(faulty, "output-0") - before == TIMES


@errors
def test_a_view_is_right_after_its_position_store_has_failed(faulty: Faulty, note: str, error: str) -> None:
    world = faulty.world
    world.client.send(Create(note, text="one"))
    faulty.arm("position-store", error)
    receipts = [world.client.send(Edit(note, text=f"{n}")) for n in range(20)]
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    last = world.client.send(Edit(note, text="last"), wait="projected:texts", timeout_s=TIMEOUT_S)
    assert (last.outcome, last.version) == ("committed", 22)
    world.until(lambda: faulty.left("position-store") == 0, "it has failed five times")
    faulty.at_rest()
    assert ask(world, "texts", "text", note, last.at) == "last"
    assert world.client.query("texts", "dead-letters") == []


@errors
@pytest.mark.parametrize("place", ["message-publisher", "manager-store"])
def test_what_a_process_manager_sends_arrives_once_though_sending_or_saving_has_failed(
    faulty: Faulty, note: str, place: str, error: str
) -> None:
    world = faulty.world
    world.client.send(Create(note, text="one"))
    faulty.arm(place, error)
    receipt = world.client.send(Finish(note, text="done"), timeout_s=TIMEOUT_S)
    assert receipt.outcome == "committed"
    world.until(lambda: history(world, box_of(note)), "the note is filed")
    world.until(lambda: faulty.left(place) == 0, "it has failed five times")
    faulty.at_rest()
    other = fresh()
    world.client.send_many([Create(other, text="one"), Finish(other, text="done")], timeout_s=TIMEOUT_S)
    world.until(lambda: history(world, box_of(other)), "the next one is filed behind it")
    assert [commit.version for commit in history(world, box_of(note))] == [1]


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
            (message,) = world.until(lambda sink=sink: sink.take(0), "the message comes")  # type: ignore[misc]
            ids.append(message.id)
            try:
                sink.ack(message)
            except (OSError, ValueError):
                continue
            return ids
