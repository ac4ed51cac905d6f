"""The app object: whatever could not work is one clear line before anything starts."""

from typing import Any

import msgspec
import pytest

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from engine.base.errors import ConfigError
from engine.model.handlers import Handler


class Do(Command, name="do"): ...


class Undo(Command, name="undo"): ...


class Done(Event, name="done"): ...


class Undone(Event, name="undone"): ...


class NamelessCommand(Command): ...


class NamelessEvent(Event): ...


class Thing(Aggregate):
    @handles(Do, exists="may")
    def do(self, command: Do) -> Done:
        return Done()

    @applies(Done)
    def _done(self, event: Done) -> None: ...


def engine(*aggregates: type[Aggregate]) -> Engine:
    app = Engine("test")
    for cls in aggregates:
        app.aggregate(cls)
    return app


def refused(cls: type[Aggregate], app: Engine | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        (app or Engine("test")).aggregate(cls)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_whole_application_passes() -> None:
    app = engine(Thing)

    @app.projection("things", version=2)
    class Things(Projection):
        @on(Done)
        def done(self, event: Done, commit: Commit) -> None: ...

        @query
        def count(self) -> int:
            return 0

    app.check()
    assert app.handlers[Do].cls is Thing
    assert app.handlers[Do].exists == "may"
    assert app.appliers[Done][0] is Thing
    spec = app.projections["things"]
    assert (spec.version, spec.handlers) == (2, [Handler((Done,), 0, "done", (Commit,))])
    assert list(spec.queries) == ["count"]
    assert isinstance(spec.factory(), Things)


def test_a_projection_may_be_made_by_a_factory() -> None:
    app = engine(Thing)

    class Sized(Projection):
        def __init__(self, size: int) -> None:
            self.size = size

    app.projection("sized", factory=lambda: Sized(7))(Sized)
    made = app.projections["sized"].factory()
    assert isinstance(made, Sized)
    assert made.size == 7


def test_appliers_and_handlers_may_be_inherited() -> None:
    class Base(Aggregate):
        @applies(Done)
        def _done(self, event: Done) -> None: ...

    class Derived(Base):
        @handles(Do)
        def do(self, command: Do) -> Done:
            return Done()

    app = engine(Derived)
    app.check()
    assert app.appliers[Done][0] is Derived


def test_two_handlers_for_a_command_are_refused() -> None:
    class Twice(Aggregate):
        @handles(Do)
        def one(self, command: Do) -> None: ...

        @handles(Do)
        def two(self, command: Do) -> None: ...

    line = refused(Twice)
    assert "two handlers for command do: " in line
    assert f"{__name__}.{Twice.one.__qualname__} and {__name__}.{Twice.two.__qualname__}" in line


def test_a_command_handled_by_two_aggregates_is_refused() -> None:
    class Other(Aggregate):
        @handles(Do)
        def do(self, command: Do) -> None: ...

    assert "two handlers for command do" in refused(Other, engine(Thing))


def test_two_appliers_for_an_event_are_refused() -> None:
    class Twice(Aggregate):
        @applies(Done)
        def _one(self, event: Done) -> None: ...

        @applies(Done)
        def _two(self, event: Done) -> None: ...

    line = refused(Twice)
    assert "two appliers for event done: " in line
    assert "Twice._one and " in line


def test_messages_without_a_wire_name_are_refused() -> None:
    class Handles(Aggregate):
        @handles(NamelessCommand)
        def do(self, command: NamelessCommand) -> None: ...

    class Applies(Aggregate):
        @applies(NamelessEvent)
        def _done(self, event: NamelessEvent) -> None: ...

    assert "NamelessCommand has no wire name" in refused(Handles)
    assert "NamelessEvent has no wire name" in refused(Applies)


def test_a_wire_name_used_twice_is_refused() -> None:
    class AlsoDo(Command, name="do"): ...

    class AsEvent(Event, name="do"): ...

    class One(Aggregate):
        @handles(AlsoDo)
        def do(self, command: AlsoDo) -> None: ...

    class Two(Aggregate):
        @applies(AsEvent)
        def _done(self, event: AsEvent) -> None: ...

    for cls in (One, Two):
        line = refused(cls, engine(Thing))
        assert f"the wire name do is used twice: by {__name__}.Do and {__name__}.test_" in line


def test_two_versions_of_an_event_are_two_names() -> None:
    class Done2(Event, name="done", version=2): ...

    class Two(Aggregate):
        @applies(Done2)
        def _done(self, event: Done2) -> None: ...

    engine(Thing, Two).check()


def test_an_application_needs_a_command_and_an_event() -> None:
    class Deaf(Aggregate):
        @applies(Done)
        def _done(self, event: Done) -> None: ...

    class Mute(Aggregate):
        @handles(Do)
        def do(self, command: Do) -> None: ...

    with pytest.raises(ConfigError, match=r"test handles no command: mark a method of Deaf with @handles"):
        engine(Deaf).check()
    with pytest.raises(ConfigError, match=r"test applies no event: mark a method of Mute with @applies\(…\)"):
        engine(Mute).check()


def test_a_projection_of_events_that_no_aggregate_applies_is_refused() -> None:
    app = engine(Thing)

    @app.projection("lost")
    class Lost(Projection):
        @on(Undone)
        def undone(self, event: Undone, commit: Commit) -> None: ...

    with pytest.raises(ConfigError, match="projection lost reads undone, which no registered aggregate"):
        app.check()


def test_two_projections_of_one_name_are_refused() -> None:
    app = engine(Thing)
    app.projection("same")(Projection)
    with pytest.raises(ConfigError, match="two projections are named same"):
        app.projection("same")(Projection)


def test_classes_that_carry_their_names_are_listed() -> None:
    class Things(Projection, name="things", version=3):
        @on(Done)
        def done(self, event: Done) -> None: ...

    class Doer(ProcessManager, name="doer"):
        @on(Done)
        def done(self, event: Done) -> None: ...

    app = Engine("test", aggregates=[Thing], projections=[Things], process_managers=[Doer])
    app.check()
    assert app.projections["things"].version == 3
    assert list(app.process_managers) == ["doer"]


def test_a_listed_class_without_a_name_is_told_how_to_give_it_one() -> None:
    class Things(Projection): ...

    class Doer(ProcessManager): ...

    with pytest.raises(ConfigError, match=r'Things has no name: write class Things\(Projection, name="…"\)'):
        Engine("test", projections=[Things])
    with pytest.raises(ConfigError, match=r'Doer has no name: write class Doer\(ProcessManager, name="…"\)'):
        Engine("test", process_managers=[Doer])


def test_a_name_is_not_inherited() -> None:
    class Things(Projection, name="things", version=3): ...

    class More(Things): ...

    with pytest.raises(ConfigError, match="More has no name"):
        Engine("test", projections=[More])


def test_what_is_no_projection_is_not_registered_as_one() -> None:
    with pytest.raises(ConfigError, match=r"is not a projection: write class X\(Projection\)"):
        Engine("test", projections=[Thing])  # type: ignore[list-item]


def test_handlers_of_one_event_run_by_priority_and_then_as_they_were_written() -> None:
    class Seen(Projection):
        @on(Done, priority=2)
        def third(self, event: Done, commit: Commit) -> None: ...

        @on(Done, Undone)
        def fourth(self, done: Done, undone: Undone, commit: Commit) -> None: ...

        @on(Done)
        def first(self, event: Done) -> None: ...

        @on(Done)
        def second(self, event: Done, view: Table[int], commit: Commit) -> None: ...

    app = engine(Thing)
    app.projection("seen")(Seen)
    spec = app.projections["seen"]
    assert [handler.attribute for handler in spec.handlers] == ["first", "second", "third", "fourth"]
    assert [handler.wants for handler in spec.handlers[:2]] == [(), (Table, Commit)]
    assert spec.uses_view


def test_two_queries_of_one_name_are_refused() -> None:
    class Twice(Projection):
        @query("count")
        def one(self) -> int:
            return 1

        @query("count")
        def two(self) -> int:
            return 2

    with pytest.raises(ConfigError, match="projection twice has two queries named count"):
        engine(Thing).projection("twice")(Twice)


def test_the_query_that_every_view_answers_cannot_be_replaced() -> None:
    class Own(Projection):
        @query
        def positions(self) -> int:
            return 1

    with pytest.raises(ConfigError, match="positions"):
        engine(Thing).projection("own")(Own)


def test_an_unknown_wish_about_existence_is_refused() -> None:
    class Wrong(Aggregate):
        @handles(Do, exists="maybe")  # type: ignore[arg-type]
        def do(self, command: Do) -> None: ...

    assert 'handles with exists="maybe", which is none of must, must-not, may' in refused(Wrong)


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 65, "a b"])
def test_a_projection_whose_name_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        engine(Thing).projection(name)(Projection)


def test_a_handler_for_something_that_is_no_command_is_refused() -> None:
    class Confused(Aggregate):
        @handles(Done)  # type: ignore[arg-type]
        def do(self, command: Any) -> None: ...

    class AlsoConfused(Aggregate):
        @applies(Do)  # type: ignore[arg-type]
        def _done(self, event: Any) -> None: ...

    class Plain(Aggregate):
        @handles(msgspec.Struct)  # type: ignore[arg-type]
        def do(self, command: Any) -> None: ...

    assert "is marked for Done, which is not a command: class X(Command, name=…)" in refused(Confused)
    assert "is marked for Do, which is not an event: class X(Event, name=…)" in refused(AlsoConfused)
    assert "is marked for Struct, which is not a command" in refused(Plain)


def test_a_method_for_two_messages_is_refused_rather_than_losing_one() -> None:
    with pytest.raises(ConfigError, match="both is marked twice"):

        class Both(Aggregate):
            @handles(Do)
            @handles(Undo)
            def both(self, command: Any) -> None: ...

    with pytest.raises(ConfigError, match="_both is marked twice"):

        class BothEvents(Aggregate):
            @applies(Done)
            @applies(Undone)
            def _both(self, event: Any) -> None: ...


def test_a_decorator_without_its_parentheses_is_refused() -> None:
    app = Engine("test")
    with pytest.raises(ConfigError, match=r"Things is registered without a name: write @app"):

        @app.projection  # type: ignore[arg-type]
        class Things(Projection): ...

    with pytest.raises(ConfigError, match=r'write @app.process_manager\("…"\) above it'):

        @app.process_manager  # type: ignore[arg-type]
        class Doer(ProcessManager): ...
