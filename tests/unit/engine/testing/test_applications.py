"""Trying out a class as part of an application that the test names, and events of old versions."""

from typing import Any

import pytest

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Send,
    Table,
    applies,
    handles,
    on,
    query,
)
from engine.base.errors import ConfigError
from engine.testing import given
from tests.unit.engine.testing.domain import Account, Collector, Deposited


class Retitle(Command, name="page.retitle"):
    title: str


def test_what_is_listed_by_an_application_of_its_own_is_tried_out_as_part_of_it() -> None:
    class Opened(Event, name="box.opened"): ...

    class Open(Command, name="box.open"): ...

    class Box(Aggregate):
        opened = 0

        @handles(Open, exists="may")
        def open(self, command: Open) -> Opened:
            return Opened()

        @applies(Opened)
        def _opened(self, event: Opened) -> None:
            self.opened += 1

    class Boxes(Projection, name="boxes"):
        @on(Opened)
        def opened(self, event: Opened, view: Table[int]) -> None:
            view["opened"] = view.get("opened", 0) + 1

        @query
        def many(self, view: Table[int]) -> int:
            return view.get("opened", 0)

    class Opener(ProcessManager, name="opener"):
        @on(Opened)
        def opened(self, event: Opened, meta: Commit, send: Send) -> None:
            send(Open(f"next-to-{meta.aggregate}"))

    one, other = (
        Engine(name, aggregates=[Box], projections=[Boxes], process_managers=[Opener]) for name in "ab"
    )
    for app in (one, other):
        given(Box, Opened(), app=app).when(Open("x")).then(Opened()).state(opened=2)
        given(Opened(), app=app).project(Boxes).shows("many", {}, 1)
        given(app=app).process_manager(Opener).when(Opened()).sends(Open("next-to-test"))
    bare = Engine("bare", aggregates=[Box])
    with pytest.raises(LookupError, match="the application bare has no projection Boxes"):
        given(Opened(), app=bare).project(Boxes)
    with pytest.raises(LookupError, match="the application bare has no aggregate Account"):
        given(Account, app=bare)


def test_events_of_old_versions_are_lifted_by_the_upcasters_of_the_application() -> None:
    class Titled(Event, name="page.titled", version=3):
        title: str
        words: int

    class Page(Aggregate):
        words = 0

        @handles(Retitle, exists="may")
        def retitle(self, command: Retitle) -> Titled:
            return Titled(command.title, self.words)

        @applies(Titled)
        def _titled(self, event: Titled) -> None:
            self.words = event.words

    app = Engine("pages", aggregates=[Page])

    @app.upcaster("page.titled", 1, 2)
    def named(fields: dict[str, Any]) -> dict[str, Any]:
        return {"title": fields["name"]}

    @app.upcaster("page.titled", 2, 3)
    def counted(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "words": len(fields["title"].split())}

    old = {"type": "page.titled", "name": "An old title"}
    given(old, [{"type": "page.titled@2", "title": "x"}], app=app).is_read_as(
        Titled("An old title", 3), Titled("x", 1)
    )
    given(Page, old, app=app).when(Retitle("p", title="new")).then(Titled("new", 3))
    with pytest.raises(AssertionError, match="expected to be read as"):
        given(old, app=app).is_read_as(Titled("An old title", 4))
    with pytest.raises(ConfigError, match=r"does not know an event in the store.*page.turned"):
        given({"type": "page.turned"}, app=app).is_read_as()
    with pytest.raises(ConfigError, match="an upcaster failed"):
        given({"type": "page.titled"}, app=app).is_read_as()
    with pytest.raises(TypeError, match="whose upcasters"):
        given(old).is_read_as(Titled("An old title", 3))


@pytest.mark.parametrize("wrong", [7, [], {"title": "x"}, [Deposited(1), 7], (3, Deposited(1))])
def test_what_is_no_event_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not"):
        given(wrong).process_manager(Collector)
