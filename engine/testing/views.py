"""The story of a view: the fold that a node drives, over a log on disk, in several orders.

What a view may rely on is the order of each aggregate's events, and nothing else. So the events are laid
out in other orders across aggregates too; every record is delivered twice, and one in three not at all
until the view looks into the store; and the answers must be the same each time, also after the view was
saved and loaded again.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.base.log import KeptLog
from engine.follow import Fold, Projected
from engine.follow.questions import Questions, Refused
from engine.model.app import Engine
from engine.model.projections import Projection
from engine.store import Reader, Writer
from engine.store.foreign import append_to
from engine.testing.disorder import Disorder, Entry, Order
from engine.testing.entries import Told, application, taken_apart
from engine.testing.pipeline import MAP_BYTES, temporary_folder

FEW = Disorder(3, seed=1)  # the same at each run


class ViewStory:
    """One view, and the events that it applies."""

    def __init__(self, cls: type[Projection], events: Sequence[Told], app: Engine | None = None) -> None:
        self._app = application(cls, "projection", app)
        specs = [spec for versions in self._app.versions.values() for spec in versions.values()]
        spec = next((spec for spec in specs if spec.cls is cls), None)
        if spec is None:
            raise LookupError(f"the application {self._app.name} has no projection {cls.__name__}")
        self._spec, self._entries, self._disorder = spec, taken_apart(events), FEW

    def in_disorder(self, orders: int = 20, *, seed: int | None = None) -> "ViewStory":
        """From here on the events come in so many orders, besides the one that was told, each aggregate's own
        kept; every event is delivered twice. They are drawn by chance, by a seed that is named if an answer
        differs: with it they are the same again."""
        self._disorder = Disorder(orders, seed)
        return self

    def shows(self, query: str, arguments: Any, answer: Any) -> "ViewStory":
        """Asserts that a query has this answer, in whatever order the events came. AssertionError too if a
        handler raises."""
        wanted = msgspec.to_builtins(answer)
        told = Order(self._entries, "events as told")
        for entries, order in itertools.chain([told], self._disorder.orders(self._entries)):
            for when, found in self._answers(entries, query, arguments):
                if found != wanted:
                    text = f"{query} shows {found!r}, expected {wanted!r}"
                    raise AssertionError(f"{text} ({when}, {order})")
        return self

    def _answers(self, entries: Sequence[Entry], query: str, arguments: Any) -> Iterator[tuple[str, Any]]:
        with temporary_folder() as folder:
            writer = Writer(Path(folder) / "store", MAP_BYTES)
            for aggregate, events in entries:
                append_to(writer.env, aggregate, events)
            try:
                fold = self._fold(Path(folder), writer)
                self._deliver(fold)
                yield "as delivered", _ask(fold, query, arguments)
                fold.save()
                fold.close()
                fold = self._fold(Path(folder), writer)
                yield "after a restart", _ask(fold, query, arguments)
                fold.close()
            finally:
                writer.close()

    def _fold(self, folder: Path, writer: Writer) -> Fold:
        self._logged = KeptLog()
        target, readers = Projected(self._spec), [Reader.beside(writer)]
        return Fold(self._app, target, folder / "view", readers, MAP_BYTES, log=self._logged)

    def _deliver(self, fold: Fold) -> None:
        """Every record twice, but for each third one, which is only found in the store."""
        for last, record in fold.readers[0].records():
            for _ in range(2 if last % 3 else 0):
                fold.accept(0, last, last, record)
        fold.poll()
        if fold.dead_letters:
            raise AssertionError("a handler failed:\n" + "\n".join(self._logged))


def _ask(fold: Fold, query: str, arguments: Any) -> Any:
    try:
        return msgspec.json.decode(Questions(fold).answer(query, msgspec.json.encode(arguments or {})))
    except Refused as refused:
        raise AssertionError(f"{query}: {refused}") from None
