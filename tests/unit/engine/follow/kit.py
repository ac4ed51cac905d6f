"""A small log to follow: counters that are raised, and views that can be made to fail."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.base.log import KeptLog
from engine.follow import Fold, Projected
from engine.store import Reader, Writer
from tests.unit.engine.store.batches import batch_of

MAP = 64 << 20


class Raise(Command, name="counter.raise"):
    by: int


class Raised(Event, name="counter.raised"):
    by: int


class Renamed(Event, name="counter.renamed"):
    to: str


class Closed(Event, name="counter.closed"):
    pass


class Counter(Aggregate):
    @handles(Raise, exists="may")
    def add(self, command: Raise) -> Raised:
        return Raised(command.by)

    @applies(Raised)
    def raised(self, event: Raised) -> None:
        pass

    @applies(Renamed)
    def renamed(self, event: Renamed) -> None:
        pass

    @applies(Closed)
    def closed(self, event: Closed) -> None:
        pass


class Trouble:
    """What fails, for as long as a test wants it to: (aggregate, version)."""

    def __init__(self) -> None:
        self.at: set[tuple[str, int]] = set()
        self.attempts = 0
        self.takes: Callable[[], None] = lambda: None

    def strike(self, commit: Commit) -> None:
        self.takes()
        if (commit.aggregate, commit.version) in self.at:
            self.attempts += 1
            raise ValueError(f"no luck with {commit.aggregate}")


class InTable(Projection):
    """Sums and the order of versions, in a table. It writes first and fails then."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble

    @on(Raised)
    def raised(self, event: Raised, commit: Commit, view: Table) -> None:
        sum, versions = view.get(commit.aggregate, (0, []))
        view[commit.aggregate] = (sum + event.by, [*versions, commit.version])
        self._trouble.strike(commit)

    @query
    def all(self, view: Table) -> dict[str, Any]:
        return dict(view)


class InAttributes(Projection):
    """The same, with a state of its own."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._counters: dict[str, tuple[int, list[int]]] = {}
        self._changed: set[str] = set()

    @on(Raised)
    def raised(self, event: Raised, commit: Commit) -> None:
        sum, versions = self._counters.get(commit.aggregate, (0, []))
        self._counters[commit.aggregate] = (sum + event.by, [*versions, commit.version])
        self._changed.add(commit.aggregate)
        self._trouble.strike(commit)

    @query
    def all(self) -> dict[str, Any]:
        return {name: [sum, versions] for name, (sum, versions) in self._counters.items()}

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        changed, self._changed = self._changed, set()
        for name in changed:
            yield name.encode(), repr(self._counters[name]).encode()

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        self._counters = {bytes(key).decode(): eval(value) for key, value in items}


KINDS: list[type[Any]] = [InTable, InAttributes]


class StoreReader(Reader):
    """Reads through the writer's environment: a process may open one only once."""

    def __init__(self, writer: Writer) -> None:
        self.path, self.env = writer.path, writer.env
        self.tables, self.index_key = writer.tables, writer.index_key


class Log:
    """An event store that a test appends to, and what the doorbell would carry."""

    def __init__(self, folder: Path) -> None:
        self.writer = Writer(folder / "store", MAP, index_key=NO_INDEX_KEY)
        self.reader = StoreReader(self.writer)
        self._versions: dict[str, int] = {}

    def append(self, *names: str) -> tuple[int, int, bytes]:
        """One record: a commit for each counter named, raising it by its version. (first, last, record)"""
        return self.append_commits(*((name, None) for name in names))

    def append_commits(self, *entries: tuple[str, list[Event] | None]) -> tuple[int, int, bytes]:
        """The same, with the events of each."""
        first = self.writer.position + 1
        commits = []
        for k, (name, events) in enumerate(entries):
            version = self._versions[name] = self._versions.get(name, 0) + 1
            sequence = first + k
            commits.append(
                Commit(name, version, uuid7_hex(), sequence, 1000 + sequence, events or [Raised(version)])
            )
        batch = batch_of(commits, first_position=first, last_sequence=first + len(commits) - 1)
        self.writer.commit([batch])
        return first, self.writer.position, batch.log


class Following:
    """A view that follows a log, with a clock that a test moves."""

    def __init__(self, log: Log, folder: Path, kind: Callable[[Trouble], Projection]) -> None:
        self.kind, self.trouble = kind, Trouble()
        self.now = 0.0
        self.said = KeptLog()
        self._log, self._folder = log, folder
        self.app = Engine("counters")
        self.app.aggregate(Counter)
        self.app.projection("sums", factory=lambda: kind(self.trouble))(kind)  # type: ignore[type-var]
        self.app.check()
        self.open()

    def open(self) -> None:
        """What a start does."""
        target = Projected(self.app.projections["sums"])
        self.fold = Fold(
            self.app,
            target,
            self._folder / "view",
            [self._log.reader],
            MAP,
            log=self.said,
            now=lambda: self.now,
        )

    def reopen(self) -> None:
        """A kill and the next start."""
        self.fold.close()
        self.open()

    @property
    def patience(self) -> float:
        """Seconds until the next retry is due."""
        return max(0.0, self.fold.dead_letters.next_due - self.now)

    def wait(self) -> None:
        """Lets time pass until whatever is to be retried has been."""
        for _ in range(100):
            if self.patience == float("inf"):
                return
            self.now += self.patience
            self.fold.retry_due()
        raise AssertionError("retried without end")

    def shown(self) -> dict[str, Any]:
        """counter → [sum, versions in the order in which they were taken in]."""
        target: Any = self.fold.target
        spec = target.spec.queries["all"]
        found: dict[str, Any] = target.ask("all", spec.request())
        return found
