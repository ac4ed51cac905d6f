"""It names everything that an application could not read, with how many and where the first is."""

import io
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Event, ProcessManager, Projection, on
from engine.base.progress import Progress
from engine.reading.compatibility import Compatibility, Kind, registration_problem
from engine.reading.stores import Stores
from tests.acceptance.layouts import after
from tests.unit.engine.cli.sample import create
from tests.unit.engine.reading.writing import storing


def added(number: Any) -> list[dict[str, Any]]:
    return [{"type": "sample.added", "number": number}]


def compatibility_of(data: Path, app: Engine) -> Compatibility:
    compatibility, stores = Compatibility(app), Stores(data)
    for partition in range(stores.partitions):
        assert sum(compatibility.take(partition, stores)) <= stores.positions()[partition]
    stores.close()
    return compatibility


def kind(compatibility: Compatibility, tag: str) -> Kind:
    return compatibility.kinds[tag]


def test_a_store_that_is_read_in_full_is_sound(tmp_path: Path) -> None:
    with storing(tmp_path / "data", 2) as store:
        store.put(*((n % 2, "ab"[n % 2], added(n)) for n in range(20)))
        compatibility = compatibility_of(tmp_path / "data", create({}))
    assert (compatibility.sound, compatibility.entries, compatibility.breaks) == (True, 20, [])
    assert kind(compatibility, "sample.added").count == 20


def test_unknown_events_are_counted_from_the_first_one_on(tmp_path: Path) -> None:
    with storing(tmp_path / "data", 2) as store:
        store.put(
            (0, "a", added(1)), (1, "b", [*added(2), {"type": "gone"}]), (1, "b", [{"type": "gone"}] * 2)
        )
        compatibility = compatibility_of(tmp_path / "data", create({}))
    assert not compatibility.sound
    found = kind(compatibility, "gone")
    assert (found.verdict, found.count, found.bad, found.partition, found.position) == ("unknown", 3, 3, 1, 1)


def test_events_that_do_not_fit_their_class_are_told_from_those_that_do(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", added(1)), (0, "a", added("two")), (0, "a", added(3)), (0, "a", added(None)))
        compatibility = compatibility_of(tmp_path / "data", create({}))
    found = kind(compatibility, "sample.added")
    assert (found.count, found.bad, found.position, found.aggregate) == (4, 2, 2, "a")
    assert "Expected `int`, got `str`" in found.problem


def test_readers_with_event_classes_of_their_own_are_checked_too(tmp_path: Path) -> None:
    class Wrong(Event, name="sample.added"):
        colour: str

    class View(Projection):
        @on(Wrong)
        def _(self, event: Wrong) -> None: ...

    class Manager(ProcessManager):
        @on(Wrong)
        def _(self, event: Wrong) -> None: ...

    by_view, by_process = create({}), create({})
    by_view.projection("colours", version=2)(View)
    by_process.process_manager("painter")(Manager)
    with storing(tmp_path / "data") as store:
        store.put((0, "a", added(1)))
        for app, reader in (
            (by_view, "projection colours version 2"),
            (by_process, "process manager painter"),
        ):
            found = kind(compatibility_of(tmp_path / "data", app), "sample.added")
            assert found.bad == 1
            assert reader in found.problem
            assert "colour" in found.problem


def test_an_upcaster_that_fails_is_a_problem_of_the_events_on_which_it_does(tmp_path: Path) -> None:
    app = after.create({})
    del app.upcasters["note.created", 1]
    app.upcaster("note.created", 1, 2)(lambda old: {"headline": old["title"].strip()})
    with storing(tmp_path / "data") as store:
        created = [{"type": "note.created", "title": title} for title in ("one", None, "three")]
        store.put(*((0, f"n{n}", [event]) for n, event in enumerate(created)))
        found = kind(compatibility_of(tmp_path / "data", app), "note.created")
    assert (found.verdict, found.count, found.bad) == ("lifted to note.created@3", 3, 1)
    assert found.position == 2
    assert "an upcaster failed: AttributeError" in found.problem


def test_a_chain_that_ends_on_the_way_is_named_by_the_application_and_by_the_data(tmp_path: Path) -> None:
    app = after.with_a_broken_chain({})
    with storing(tmp_path / "data") as store:
        store.put((0, "a", [{"type": "note.created", "title": "one"}]))
        found = kind(compatibility_of(tmp_path / "data", app), "note.created")
    assert found.verdict == "broken chain"
    assert "ends at version 2" in registration_problem(app)
    assert registration_problem(after.create({})) == ""


@pytest.mark.parametrize(
    ("position", "record", "what"),
    [
        (2, b'[2,[["a",5,"00",1,1,[]]]]', "version 5 of a follows 1"),
        (3, b'[3,[["a",2,"00",1,1,[]]]]', "positions 3 to 3 with 1 entries follow 1"),
        (2, b'[2,[["a",2,"00",1,1,[]],["a",3,"00",1,1,[]]]]', "positions 2 to 2 with 2 entries follow 1"),
        (2, b'[2,[["a"]]]', "an entry is malformed"),
        (2, b"[2,[[", "a record is malformed"),
    ],
)
def test_gaps_and_malformed_records_are_named_by_their_place(
    tmp_path: Path, position: int, record: bytes, what: str
) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", added(1)))
    stores = Stores(tmp_path / "data")
    reader = stores.reader(0)
    assert reader is not None
    monkey = [*reader.records(), (position, record)]
    reader.records = lambda after=0: iter(monkey)  # type: ignore[method-assign]
    compatibility = Compatibility(create({}))
    for _ in compatibility.take(0, stores):
        pass
    stores.close()
    assert not compatibility.sound
    assert [found.what.startswith(what) for found in compatibility.breaks[:1]] == [True]
    assert compatibility.breaks[0].position == position


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_nowhere_else() -> None:
    there, elsewhere = Terminal(), io.StringIO()
    for stream in (there, elsewhere):
        progress = Progress("reading", 4, stream)
        progress.step(2)
        progress.end()
    assert "reading 2 of 4 [###############...............]  50%" in there.getvalue()
    assert there.getvalue().endswith("\n")
    assert elsewhere.getvalue() == ""
