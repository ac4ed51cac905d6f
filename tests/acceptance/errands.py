"""An application with a worker: errands, which are done outside.

What is outside is a file, a line for each time an errand was done there. The text of an errand says how it
goes: `fail` as long as a file of the name of the errand lies beside, `hang`, `wait` until there is one, or
anything else.
"""

import threading
from collections.abc import Mapping
from pathlib import Path

from engine import (
    Aggregate,
    Command,
    ConfigError,
    Delivery,
    Engine,
    Event,
    Rejection,
    Tell,
    Worker,
    applies,
    every,
    handles,
    on,
    query,
    reject,
)
from tests.deadline import until

SETTINGS = ("outside",)


class Ask(Command, name="errand.ask"):
    text: str = ""


class Finish(Command, name="errand.finish", rejects=("not-asked-for",)):
    pass


class Asked(Event, name="errand.asked"):
    text: str


class Finished(Event, name="errand.finished"):
    pass


class Errand(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.text = ""

    @handles(Ask, exists="may")
    def ask(self, command: Ask) -> Asked:
        return Asked(command.text)

    @handles(Finish)
    def finish(self, command: Finish) -> Finished | Rejection:
        if self.text == "forbidden":
            return reject("not-asked-for", self.id)
        return Finished()

    @applies(Asked)
    def _asked(self, event: Asked) -> None:
        self.text = event.text

    @applies(Finished)
    def _finished(self, event: Finished) -> None: ...


class Runner(Worker, name="runner", threads=4, patience_s=1.0):
    """`outside`: the folder in which it works."""

    def __init__(self, outside: Path) -> None:
        self.outside, self.rounds = outside, 0

    def open(self, folder: Path) -> None:
        assert folder.is_dir()
        if (self.outside / "broken").exists():
            raise ConfigError("the world is closed")

    @on(Asked)
    def asked(self, event: Asked, delivery: Delivery, tell: Tell) -> None:
        if event.text == "fail" and (self.outside / delivery.aggregate).exists():
            raise ValueError("nobody is at home")
        if event.text == "hang" and (self.outside / delivery.aggregate).exists():
            (self.outside / delivery.aggregate).unlink()
            threading.Event().wait()
        if event.text == "wait":
            (self.outside / f"begun-{delivery.aggregate}").touch()
            until((self.outside / delivery.aggregate).exists, 60)
        with (self.outside / "done").open("a") as done:
            done.write(f"{delivery.aggregate} {delivery.id}\n")
        if event.text == "wait":
            return  # nobody is told
        refusal = tell(Finish(delivery.aggregate))
        if refusal is not None:
            with (self.outside / "refused").open("a") as refused:
                refused.write(f"{delivery.aggregate} {refusal.code}\n")

    @every(seconds=0.1)
    def go_round(self) -> None:
        self.rounds += 1

    @query
    def rounds_gone(self) -> int:
        return self.rounds


def create(settings: Mapping[str, str]) -> Engine:
    """The application. `outside`: a folder."""
    app = without_worker(settings)
    app.worker(factory=lambda: Runner(Path(settings["outside"])))(Runner)
    return app


def renamed(settings: Mapping[str, str]) -> Engine:
    """The same, with another name for its worker."""
    app = without_worker(settings)
    app.worker("porter", factory=lambda: Runner(Path(settings["outside"])))(Runner)
    return app


def without_worker(settings: Mapping[str, str]) -> Engine:
    """The same, before it had a worker."""
    return Engine("errands", aggregates=[type("Errand", (Errand,), {})])
