"""An application with settings, the least that can run."""

from collections.abc import Mapping

from engine import Aggregate, Command, Engine, Event, applies, handles

SETTINGS = ("colour", "shape", "size")


class Add(Command, name="sample.add"):
    number: int


class Added(Event, name="sample.added"):
    number: int


class Sum(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.total = 0

    @handles(Add, exists="may")
    def add(self, command: Add) -> Added:
        return Added(number=command.number)

    @applies(Added)
    def _added(self, event: Added) -> None:
        self.total += event.number


def create(settings: Mapping[str, str]) -> Engine:
    app = Engine("sample")
    app.fingerprint = settings.get("colour", "")
    app.aggregate(Sum)
    return app
