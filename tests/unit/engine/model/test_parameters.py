"""Parameters are found by annotation, and whatever could not work is one line with file and line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import (
    Aggregate,
    ApplicationMessage,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Refusal,
    Send,
    Stamp,
    Table,
    applies,
    handles,
    on,
    query,
    refused,
)
from engine.base.errors import ConfigError
from engine.model.aggregates import expect_constructor


class Add(Command, name="add"): ...


class Sub(Command, name="sub"): ...


class Added(Event, name="added"): ...


class Subtracted(Event, name="subtracted"): ...


class Told(ApplicationMessage, name="told"): ...


class Row(msgspec.Struct):
    author: str


class Other(msgspec.Struct):
    author: str


def line_of(register: Callable[[], object]) -> str:
    """The one line of the refusal, without its place, which is checked to be in this file."""
    with pytest.raises(ConfigError) as caught:
        register()
    line = str(caught.value)
    assert "\n" not in line
    said, _, place = line.partition(f" (at={__file__}:")
    if place:
        number = int(place.rstrip(")"))
        code = Path(__file__).read_text().splitlines()[number - 1]
        assert code.strip().startswith(("@", "def", "async", "class")), code
    return said.rpartition("<locals>.")[2]


def aggregate(cls: type[Aggregate]) -> str:
    return line_of(lambda: Engine("test").aggregate(cls))


def projection(cls: type[Projection]) -> str:
    return line_of(lambda: Engine("test").projection("p")(cls))


def manager(cls: type[ProcessManager]) -> str:
    return line_of(lambda: Engine("test").process_manager("m")(cls))


# ------------------------------------------------------------------ what works


def test_a_command_handler_takes_a_stamp_if_it_asks_for_one() -> None:
    class Sum(Aggregate):
        @handles(Add)
        def add(self, command: Add) -> str:
            return "without"

        @handles(Sub)
        def sub(self, command: Sub, when: Stamp) -> int:
            return when.sequence

    app = Engine("test", aggregates=[Sum])
    assert app.handlers[Add].decide(Sum("a"), Add("a"), Stamp(1, 7)) == "without"
    assert app.handlers[Sub].decide(Sum("a"), Sub("a"), Stamp(1, 7)) == 7
    assert app.handlers[Add].method is Sum.add


def test_what_follows_the_events_comes_in_any_order_and_under_any_name() -> None:
    class Mixed(ProcessManager):
        @on(Added, Subtracted)
        def both(self, a: Added, b: Subtracted, t: Table[Row], c: Commit, s: Send) -> None: ...

        @refused(Add)
        def no(self, command: Add, s: Send, r: Refusal) -> None: ...

    spec = Engine("test")
    spec.process_manager("m")(Mixed)
    made = spec.process_managers["m"]
    assert made.handlers[0].wants == (Table, Commit, Send)
    assert made.refusals[Add].wants == (Send, Refusal)
    assert made.layout.row is Row


def test_an_annotation_that_allows_for_the_message_is_enough() -> None:
    class Wide(Aggregate):
        @handles(Add)
        def add(self, command: Command) -> None: ...

        @handles(Sub)
        def sub(self, command: "Add | Sub") -> None: ...

        @applies(Added)
        def _added(self, event: Any) -> None: ...

        @applies(Subtracted)
        def _subtracted(self, event) -> None: ...  # type: ignore[no-untyped-def]

    Engine("test", aggregates=[Wide]).check()


# ------------------------------------------------------------------ what is refused


def test_an_annotation_that_contradicts_the_decorator() -> None:
    class One(Aggregate):
        @handles(Add)
        def add(self, command: Sub) -> None: ...

    class Two(Aggregate):
        @applies(Added)
        def _added(self, event: Subtracted) -> None: ...

    class Three(Projection):
        @on(Added, Subtracted)
        def both(self, first: Subtracted, second: Added) -> None: ...

    class Four(ProcessManager):
        @refused(Add)
        def no(self, command: "Sub | Command | None", refusal: Refusal) -> None: ...

        @refused(Sub)
        def neither(self, command: "Add | None", refusal: Refusal) -> None: ...

    assert aggregate(One) == "One.add takes Sub as command, and is marked for Add"
    assert aggregate(Two) == "Two._added takes Subtracted as event, and is marked for Added"
    assert projection(Three) == "Three.both takes Subtracted as first, and is marked for Added"
    assert manager(Four).startswith("Four.neither takes ")


def test_a_stamp_where_the_command_is() -> None:
    class Swapped(Aggregate):
        @handles(Add)
        def add(self, stamp: Stamp, command: Add) -> None: ...

    assert aggregate(Swapped) == "Swapped.add takes Stamp as stamp, and is marked for Add"


def test_too_few_parameters() -> None:
    class Few(Aggregate):
        @handles(Add)
        def add(self) -> None: ...

    class Static(Aggregate):
        @handles(Add)
        def add() -> None: ...  # type: ignore[misc]

    class Pair(Projection):
        @on(Added, Subtracted)
        def both(self, event: Added) -> None: ...

    assert aggregate(Few) == "Few.add takes 0 parameters after self; it must take Add"
    assert aggregate(Static) == "Static.add takes nothing; its first parameter is self"
    assert projection(Pair) == "Pair.both takes 1 parameters after self; it must take Added, Subtracted"


def test_a_parameter_that_is_not_on_offer() -> None:
    class Unknown(Aggregate):
        @handles(Add)
        def add(self, command: Add, time: int) -> None: ...

    class Bare(Aggregate):
        @handles(Add)
        def add(self, command: Add, stamp) -> None: ...  # type: ignore[no-untyped-def]

    class Applier(Aggregate):
        @applies(Added)
        def _added(self, event: Added, stamp: Stamp) -> None: ...

    class Sending(Projection):
        @on(Added)
        def added(self, event: Added, send: Send) -> None: ...

    class Twice(Projection):
        @on(Added)
        def added(self, event: Added, one: Commit, two: Commit) -> None: ...

    after = "after the message it may take"
    assert aggregate(Unknown) == f"Unknown.add parameter time is a int; {after}: Stamp"
    assert aggregate(Bare) == f"Bare.add parameter stamp has no annotation; {after}: Stamp"
    assert aggregate(Applier) == f"Applier._added parameter stamp is a Stamp; {after}: nothing"
    assert projection(Sending) == f"Sending.added parameter send is a Send; {after}: Commit, Table"
    assert projection(Twice) == "Twice.added takes Commit twice"


def test_parameters_without_names() -> None:
    class Star(Aggregate):
        @handles(Add)
        def add(self, command: Add, *more: Any) -> None: ...

    assert aggregate(Star) == "Star.add takes *more: Any; name every parameter"


def test_methods_that_the_engine_could_not_call() -> None:
    class Waits(Aggregate):
        @handles(Add)
        async def add(self, command: Add) -> None: ...

    class Yields(Aggregate):
        @handles(Add)
        def add(self, command: Add) -> Iterator[Added]:
            yield Added()

    class Asks(Projection):
        @query
        async def sum(self) -> int:
            return 0

    is_async = "is an async def; the engine calls it and waits for nothing: write def"
    assert aggregate(Waits) == f"Waits.add {is_async}"
    assert aggregate(Yields) == "Yields.add is a generator; return a list instead of yielding"
    assert projection(Asks) == f"Asks.sum {is_async}"


def test_a_decorator_without_its_message() -> None:
    def method(self: Any, message: Any) -> None: ...

    for decorator in (handles, applies, on, refused):
        bare: Any = decorator
        name = bare.__name__
        said = f"method is marked with @{name} alone; name the message, as in @{name}(X)"
        assert line_of(lambda bare=bare: bare(method)) == said  # type: ignore[misc]


def test_an_annotation_that_cannot_be_read() -> None:
    class Hidden(Aggregate):
        @handles(Add)
        def add(self, command: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    said = "has an annotation that cannot be read, command: Nowhere (name 'Nowhere' is not defined); import"
    assert aggregate(Hidden).startswith(f"Hidden.add {said}")


def test_a_message_without_a_name() -> None:
    class Nameless(Command): ...

    class Unnamed(Event): ...

    class Untold(ApplicationMessage): ...

    class One(Aggregate):
        @handles(Nameless)
        def add(self, command: Nameless) -> None: ...

    class Two(Projection):
        @on(Unnamed)
        def added(self, event: Unnamed) -> None: ...

    assert aggregate(One).endswith('Nameless has no wire name: write class Nameless(Command, name="…")')
    assert projection(Two).endswith('Unnamed has no wire name: write class Unnamed(Event, name="…")')
    line = line_of(lambda: Engine("test").message(Untold))
    assert line == 'Untold has no wire name: write class Untold(ApplicationMessage, name="…")'


def test_an_applier_of_an_application_message() -> None:
    class Listens(Aggregate):
        @applies(Told)
        def _told(self, event: Told) -> None: ...

    assert aggregate(Listens) == "Listens._told applies an application message, which changes no state"


def test_a_forgotten_super_init() -> None:
    class Forgets(Aggregate):
        def __init__(self, id: str) -> None:
            self.sum = 0

        @handles(Add)
        def add(self, command: Add) -> Added:
            return Added()

        @applies(Added)
        def _added(self, event: Added) -> None: ...

    app = Engine("test", aggregates=[Forgets])
    assert line_of(app.check) == "Forgets.__init__ does not call super().__init__(id)"


def test_a_constructor_that_wants_more_than_the_id() -> None:
    class Greedy(Aggregate):
        def __init__(self, id: str, limit: int) -> None:
            super().__init__(id)

    line = line_of(lambda: expect_constructor(Greedy))
    assert line == "Greedy.__init__ must take the id of the aggregate and nothing else"


def test_a_constructor_that_takes_the_id_apart_is_no_mistake() -> None:
    class Parses(Aggregate):
        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.train, self.date = id.split("/")

    expect_constructor(Parses)


def test_an_attribute_of_an_application_where_the_engine_keeps_its_own() -> None:
    class Declares(Aggregate):
        version: Any = 3

    class Sets(Aggregate):
        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.version = 3

    told = "is a name that the engine keeps for every aggregate: choose another one"
    assert line_of(lambda: expect_constructor(Declares)) == f"Declares.version {told}"
    assert line_of(lambda: expect_constructor(Sets)) == f"Sets.__init__ sets version, which {told}"
    for name in ("id", "engine_version", "engine_id", "engine_key"):
        made = type("Made", (Aggregate,), {"__annotations__": {name: int}, "__module__": "abc"})
        with pytest.raises(ConfigError, match=f"^Made.{name} {told} ") as caught:
            expect_constructor(made)
        assert caught.value.facts["at"] == "abc"  # a class without source has the name of its module


def test_an_aggregate_with_a_key_of_its_own_is_no_mistake() -> None:
    class Locked(Aggregate):
        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.key = ("left", 3)

    expect_constructor(Locked)
    assert (Locked("door-1").key, Locked("door-1").engine_key) == (("left", 3), "")


def test_the_version_of_an_aggregate_is_read_and_not_set() -> None:
    class Counts(Aggregate): ...

    counts = Counts("one")
    assert (counts.id, counts.version) == ("one", 0)
    with pytest.raises(AttributeError, match="a name that the engine keeps"):
        counts.version = 7
    with pytest.raises(AttributeError, match="a name that the engine keeps"):
        counts.id = "another"


def test_events_that_a_handler_announces_and_its_aggregate_does_not_apply() -> None:
    class Announces(Aggregate):
        @handles(Add)
        def add(self, command: Add) -> Subtracted | None:
            return None

        @applies(Added)
        def _added(self, event: Added) -> None: ...

    class Tells(Aggregate):
        @handles(Sub)
        def sub(self, command: Sub) -> list[Added | Told]:
            return []

        @applies(Added)
        def _added(self, event: Added) -> None: ...

    how = "mark a method with @applies(Subtracted)"
    line = line_of(Engine("test", aggregates=[Announces]).check)
    assert line == f"Announces.add returns Subtracted, which its aggregate does not apply: {how}"
    line = line_of(Engine("test", aggregates=[Tells]).check)
    assert line == "Tells.sub returns Told, which is not registered: put @app.message above it"
    Engine("test", aggregates=[Tells], messages=[Told]).check()


def test_two_types_of_rows_in_one_table() -> None:
    class Mixed(Projection):
        @on(Added)
        def added(self, event: Added, view: Table[Row]) -> None: ...

        @query
        def one(self, view: Table[Other]) -> int:
            return 0

    assert projection(Mixed).startswith("projection p annotates its one table with two types of rows (one=")


def test_rows_that_json_cannot_hold() -> None:
    class Odd(Projection):
        @on(Added)
        def added(self, event: Added, view: Table[Callable[[], int]]) -> None: ...

    assert projection(Odd).startswith("projection p: rows of type ")


@pytest.mark.parametrize(
    ("indexes", "said"),
    [
        (("title",), "projection p has an index on title, which Row lacks (fields=author)"),
        ("author", "projection p: indexes are a tuple of field names, as in (\"author\",), not 'author'"),
    ],
)
def test_an_index_that_no_row_has(indexes: Any, said: str) -> None:
    class Indexed(Projection):
        @on(Added)
        def added(self, event: Added, view: Table[Row]) -> None: ...

    Indexed.indexes = indexes
    assert projection(Indexed) == said


def test_an_index_on_rows_of_which_nothing_is_known() -> None:
    class Bare(Projection):
        indexes = ("author",)

        @on(Added)
        def added(self, event: Added, view: Table) -> None: ...

    assert projection(Bare) == "projection p has indexes, so annotate its table with a struct: Table[Row]"


def test_a_mark_in_a_class_where_it_means_nothing() -> None:
    class Decides(Projection):
        @handles(Add)
        def add(self, command: Add) -> None: ...

    class Shows(Aggregate):
        @query
        def sum(self) -> int:
            return 0

    class Asked(ProcessManager):
        @query
        def sum(self) -> int:
            return 0

    marked = "is marked with"
    assert projection(Decides) == f"Decides.add {marked} @handles in a projection; that is for aggregates"
    home = "that is for projections and workers"
    assert aggregate(Shows) == f"Shows.sum {marked} @query in an aggregate; {home}"
    assert manager(Asked) == f"Asked.sum {marked} @query in a process manager; {home}"


def test_a_method_with_two_marks() -> None:
    def twice() -> type:
        class Twice(Projection):
            @query
            @on(Added)
            def added(self, event: Added) -> None: ...

        return Twice

    assert line_of(twice) == "Twice.added is marked twice; write one method for each message"


def test_a_class_that_cannot_be_made_without_arguments() -> None:
    class Sized(Projection):
        def __init__(self, size: int) -> None: ...

    class Counting(ProcessManager):
        def __init__(self, size: int) -> None: ...

    why = "cannot be made without arguments: missing a required argument: 'size'; register it with factory=…"
    assert projection(Sized).startswith(f"projection p {why}")
    assert manager(Counting).startswith(f"process manager m {why}")


def test_a_table_and_a_save_of_its_own() -> None:
    class Both(Projection):
        @on(Added)
        def added(self, event: Added, view: Table) -> None: ...

        def save(self) -> list[tuple[bytes, bytes | None]]:
            return []

    said = "has a Table, which the engine saves, and a save or load of its own: keep one of the two"
    assert projection(Both) == f"projection p {said}"
