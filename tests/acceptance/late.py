"""The errands of `errands`, to which a later version adds who deals with them: a process manager that ends
each, and a worker that writes it down outside."""

from collections.abc import Mapping
from pathlib import Path

from engine import Commit, Delivery, Engine, ProcessManager, Send, Worker, on
from tests.acceptance.errands import Asked, Finish, without_worker

SETTINGS = ("outside",)


class Ender(ProcessManager, name="ender"):
    @on(Asked)
    def asked(self, event: Asked, commit: Commit, send: Send) -> None:
        send(Finish(commit.aggregate))


class Scribe(Worker, name="scribe"):
    """`outside`: the folder in which it writes."""

    def __init__(self, outside: Path) -> None:
        self.outside = outside

    @on(Asked)
    def asked(self, event: Asked, delivery: Delivery) -> None:
        with (self.outside / "done").open("a") as done:
            done.write(f"{delivery.aggregate} {delivery.id}\n")


def before(settings: Mapping[str, str]) -> Engine:
    """The application as it was."""
    return without_worker(settings)


def after(settings: Mapping[str, str]) -> Engine:
    """The application as it is."""
    app = without_worker(settings)
    app.process_manager()(Ender)
    app.worker(factory=lambda: Scribe(Path(settings["outside"])))(Scribe)
    return app
