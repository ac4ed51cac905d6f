"""The event store as the core asks it: typed commits, by aggregate, and not before they are stored."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from engine.model.app import Engine
from engine.operate.errors import CorruptData
from engine.store.reader import Reader
from engine.wire.log import record_decoder

_take_apart = msgspec.json.Decoder(tuple[int, list[msgspec.Raw]]).decode


class StoreArchive:
    """See `engine.core.archive`. `stored()` gives the last stored sequence, cheaply; `wait` is called while a
    position is not there yet, and raises if it will never be."""

    def __init__(
        self, reader: Reader, app: Engine, stored: Callable[[], int], wait: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._decode = record_decoder(app).decode
        self._wait = wait
        self.stored = stored

    def has_command(self, id: str) -> bool:
        return self._reader.has_command(id)

    def stream(self, aggregate: str, upto: int) -> Iterator[Any]:
        while self._reader.position() < upto:
            self._wait()
        beginning = b"[" + msgspec.json.encode(aggregate) + b","
        version = 0
        for record in self._reader.records_of(aggregate):
            first, entries = _take_apart(record)
            for k, entry in enumerate(entries):
                if first + k <= upto and bytes(entry).startswith(beginning):
                    _, (commit,) = self._decode(b"[%d,[%s]]" % (first + k, bytes(entry)))
                    version += 1
                    if commit.version != version:
                        raise CorruptData(
                            "versions are not contiguous",
                            aggregate=aggregate,
                            expected=version,
                            found=commit.version,
                        )
                    yield commit
