"""The event store as the core asks it: typed commits by aggregate, once they are stored."""

from collections.abc import Callable, Iterator
from typing import Any

from engine.base.errors import CorruptData
from engine.model.app import Engine
from engine.store.reader import Reader
from engine.wire.log import record_decoder


class StoreArchive:
    """An `engine.core.archive.Archive` over an event store. `stored()` gives the last stored sequence,
    cheaply; `wait` is called while a position is not stored yet, and raises if it never will be."""

    def __init__(
        self, reader: Reader, app: Engine, stored: Callable[[], int], wait: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._decoder = record_decoder(app)
        self._wait = wait
        self._position = 0  # the store had this much
        self.stored = stored

    def has_command(self, id: str) -> bool:
        return self._reader.has_command(id)

    def stream(self, aggregate: str, upto: int) -> Iterator[Any]:
        while self._position < upto:
            self._position = self._reader.position()
            if self._position < upto:
                self._wait()
        if not self._reader.has_aggregate(aggregate):  # as of most new ones: a tenth of the time to see that
            return
        version = 0
        for position, entry in self._reader.entries_of(aggregate):
            if position > upto:
                return
            commit, version = self._decoder.commit(entry, position), version + 1
            if commit.version != version:
                raise CorruptData(
                    "versions are not contiguous", aggregate=aggregate, expected=version, found=commit.version
                )
            yield commit
