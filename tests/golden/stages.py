"""Where a golden script is played: in this process, or on a node with a clock that stands still."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from domain_12306.app import create
from engine import Client, Command, Node, Receipt
from engine.base.instants import instant, nanoseconds
from engine.node.data_directory import DataDirectory
from engine.store import Reader
from engine.testing import InlineEngine
from tests.deadline import until

APP = "domain_12306.app:create"
SMALL = {"segment_bytes": "1MiB", "max_message_bytes": "256KiB", "checkpoint_ms": 50}
BUILT_IN = {"timetable": "", "coaches": "", "stations": "", "calendar": "off"}


class Stage(Protocol):
    """The whole railway, and its time."""

    def send(self, command: Command) -> Receipt:
        """What came of the command."""

    def query(self, query: Any, /, *args: Any, **named: Any) -> Any:
        """The answer of a view."""

    def now(self) -> datetime:
        """What its clock shows."""

    def time_passes(self, span: timedelta) -> None:
        """Moves its clock, and waits until all that follows has happened."""

    def settle(self) -> None:
        """Waits until all that follows from what was sent has happened."""


@contextmanager
def inline(begins: datetime, opening: str) -> Any:
    """In this process."""
    app = create({"calendar": "off", "opening": opening})
    with InlineEngine(app, start_ns=nanoseconds(begins)) as engine:
        yield _Inline(engine)


@contextmanager
def on_node(begins: datetime, opening: str, folder: Path) -> Any:
    """On a node in a folder of its own."""
    settings = SMALL | BUILT_IN | {"clock": f"simulated:{begins.isoformat()}", "opening": opening}
    with (
        Node(folder / "data", app=APP, settings=settings, log=folder / "log") as node,
        Client(node.endpoints) as client,
    ):
        reader = DataDirectory(folder / "data").reader(0)
        try:
            yield _OnNode(node, client, reader)
        finally:
            reader.close()


Opener = Callable[[datetime, str], AbstractContextManager[Stage]]


class _Inline:
    def __init__(self, engine: InlineEngine) -> None:
        self._engine = engine
        self.send, self.query, self.settle = engine.send, engine.query, engine.settle
        self.time_passes = engine.time_passes

    def now(self) -> datetime:
        return instant(self._engine.now_ns)


class _OnNode:
    def __init__(self, node: Node, client: Client, reader: Reader) -> None:
        self._node, self._client, self._reader = node, client, reader
        self.send, self.query, self.now = client.send, client.query, node.now

    def time_passes(self, span: timedelta) -> None:
        self._node.time_passes(span)
        self.settle()

    def settle(self) -> None:
        until(self._at_rest, 20, "nothing is under way any more")

    def _at_rest(self) -> bool:
        page = self._node.page
        assert page is not None
        stored, manager = self._reader.position(), page.slot("manager-booking")
        views = [page.slot(name) for name in page.names if name.startswith("projector-")]
        if manager.outbox or any(follower.position != stored for follower in (manager, *views)):
            return False
        timers = self._client.query("booking", "timers")["timers"]
        now_ns = nanoseconds(self.now())
        due = any(timer["due_ns"] <= now_ns for timer in timers)
        return not due and not manager.outbox and self._reader.position() == stored
