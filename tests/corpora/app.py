"""The sample application with a view and a process manager, so that there is something to ask."""

from collections.abc import Mapping

from engine import Commit, Engine, ProcessManager, Projection, Table, on, query
from tests.unit.engine.cli.sample import Added
from tests.unit.engine.cli.sample import create as sample


class Sums(Projection):
    @on(Added)
    def added(self, event: Added, commit: Commit, view: Table) -> None:
        view[commit.aggregate] = view.get(commit.aggregate, 0) + event.number

    @query
    def twice(self, number: int) -> int:
        return 2 * number


class Watcher(ProcessManager):
    @on(Added)
    def added(self, event: Added) -> None:
        """Does nothing."""


def create(settings: Mapping[str, str]) -> Engine:
    """The application."""
    app = sample(settings)
    app.projection("sums", version=1)(Sums)
    app.process_manager("watcher")(Watcher)
    return app
