"""Which handlers run for a commit, and in which order."""

from pathlib import Path
from typing import Any

import pytest

from engine import Commit, ConfigError, Event, Projection, Table, on
from engine.follow import Dispatch
from engine.model.handlers import handlers_of
from tests.unit.engine.follow.kit import Closed, Following, Log, Raised, Renamed, Trouble

OFFERED = (Commit, Table)
VIEW: Table[str] = Table()


class Notes(Projection):
    """Notes down what ran, and what it was given."""

    def __init__(self) -> None:
        self.ran: list[tuple[Any, ...]] = []

    @on(Raised, Renamed, Closed)
    def all_three(self, raised: Raised, renamed: Renamed, closed: Closed) -> None:
        self.ran.append(("all three", raised.by, renamed.to))

    @on(Renamed, Raised, priority=2)
    def two_late(self, renamed: Renamed, raised: Raised, view: Table[str], commit: Commit) -> None:
        self.ran.append(("two late", renamed.to, raised.by, view, commit.version))

    @on(Raised, Closed, priority=1)
    def two_early(self, raised: Raised, closed: Closed) -> None:
        self.ran.append(("two early", raised.by))

    @on(Raised, priority=5)
    def last(self, event: Raised, commit: Commit) -> None:
        self.ran.append(("last", event.by, commit.version))

    @on(Raised, priority=-1)
    def first(self, event: Raised) -> None:
        self.ran.append(("first", event.by))

    @on(Raised)
    def middle(self, event: Raised, view: Table[str]) -> None:
        self.ran.append(("middle", event.by, view))

    @on(Renamed)
    def renamed(self, event: Renamed, commit: Commit, view: Table[str]) -> None:
        self.ran.append(("renamed", event.to, commit.version, view))


def ran(*events: Event) -> list[tuple[Any, ...]]:
    notes = Notes()
    dispatch = Dispatch(notes, handlers_of(Notes, "notes", OFFERED), {Table: VIEW})
    assert dispatch.plain is None
    dispatch.run(Commit("a", 7, "", 1, 1, list(events)))
    return notes.ran


def test_handlers_of_one_event_run_by_ascending_priority_event_by_event() -> None:
    assert ran(Raised(1), Raised(2)) == [
        ("first", 1),
        ("middle", 1, VIEW),
        ("last", 1, 7),
        ("first", 2),
        ("middle", 2, VIEW),
        ("last", 2, 7),
    ]


def test_then_come_those_of_two_events_and_then_those_of_three_each_by_priority() -> None:
    assert ran(Closed(), Renamed("x"), Raised(1))[4:] == [
        ("two early", 1),
        ("two late", "x", 1, VIEW, 7),
        ("all three", 1, "x"),
    ]
    assert ran(Closed(), Renamed("x"), Raised(1))[0] == ("renamed", "x", 7, VIEW)


def test_a_handler_of_several_events_runs_only_if_all_of_them_occur_and_once() -> None:
    names = [name for name, *_ in ran(Raised(1), Raised(2), Closed())]
    assert names.count("two early") == 1
    assert "two late" not in names
    assert "all three" not in names


def test_one_handler_an_event_that_takes_the_event_and_its_commit_is_called_as_it_is() -> None:
    class Plain(Projection):
        @on(Raised)
        def raised(self, event: Raised, commit: Commit) -> None: ...

    plain = Plain()
    assert Dispatch(plain, handlers_of(Plain, "plain", OFFERED), {}).plain == {Raised: plain.raised}


def test_two_classes_for_the_same_stored_event_are_refused() -> None:
    class Slim(Event, name="counter.raised"):
        pass

    class Two(Projection):
        @on(Raised)
        def whole(self, event: Raised) -> None: ...

        @on(Slim)
        def slim(self, event: Slim) -> None: ...

    with pytest.raises(ConfigError, match=r"reads counter\.raised as two classes"):
        handlers_of(Two, "projection two", OFFERED)


class Journal(Projection):
    """One row a handler: two of them for one event, and one for two events."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble

    @on(Raised, priority=1)
    def second(self, event: Raised, commit: Commit, view: Table) -> None:
        self._row(view, commit, "second")
        self._trouble.strike(commit)

    @on(Raised)
    def first(self, event: Raised, commit: Commit, view: Table) -> None:
        self._row(view, commit, "first")

    @on(Raised, Closed)
    def both(self, raised: Raised, closed: Closed, commit: Commit, view: Table) -> None:
        self._row(view, commit, "both")

    def _row(self, view: Table, commit: Commit, what: str) -> None:
        view[commit.aggregate] = [*view.get(commit.aggregate, []), what]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_what_ran_before_the_handler_that_failed_is_put_back_too(log: Log, tmp_path: Path) -> None:
    view: Any = Following(log, tmp_path, Journal)
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append_commits(("a", [Raised(1), Closed()]), ("b", [Closed(), Raised(1)])))
    assert dict(view.fold.target.table) == {"b": ["first", "second", "both"]}
    view.trouble.at.clear()
    view.wait()
    assert view.fold.target.table["a"] == ["first", "second", "both"]
    view.fold.close()
