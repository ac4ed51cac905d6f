"""The copies of a log: the data directories of several nodes of one cluster, of which one is read.

All get the same events at the same positions, some sooner than others. A reader changes to another copy when
its own has lacked for a while what that one has: the node of its own is dead, stands still or is cut off.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from typing import cast

from engine.base.errors import ConfigError
from engine.reading.stores import Stores

Place = str | os.PathLike[str]
Places = Place | Sequence[Place]
"""A data directory, or several of one cluster, as a list."""

LOOK_S = 0.25  # between two looks at the other copies, while nothing comes
LAG_S = 0.5  # nodes follow each other by milliseconds: one that is so far behind is left


class Copies:
    """The copies that one reader knows. `stores`: the one that is read, at first that which is furthest."""

    stores: Stores

    def __init__(self, places: Places) -> None:
        self._places = list(places) if isinstance(places, (list, tuple)) else [cast(Place, places)]
        self._open: dict[int, Stores] = {}
        self._behind_since: float | None = None
        self.several = len(self._places) > 1
        if not self.several:
            self.stores = self._open[0] = Stores(self._places[0])
            return
        self._open_others()
        if not self._open:
            raise ConfigError("there is no data directory", paths=[os.fspath(one) for one in self._places])
        self.stores = max(self._open.values(), key=lambda stores: sum(stores.positions()))

    def further(self, positions: Sequence[int]) -> bool:
        """A look while nothing comes after these positions. True: another copy, which has more, is read from
        now on."""
        if not self.several:
            return False
        self._open_others()
        others = [one for one in self._open.values() if one is not self.stores and _beyond(one, positions)]
        now = time.monotonic()
        if not others or _beyond(self.stores, positions):
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        elif now > self._behind_since + LAG_S:
            self._behind_since, self.stores = None, others[0]
            return True
        return False

    def close(self) -> None:
        """Closes all of them."""
        for stores in self._open.values():
            stores.close()

    def _open_others(self) -> None:
        """Opens those that are there by now. ConfigError if one is of another log."""
        for number, place in enumerate(self._places):
            if number not in self._open:
                with contextlib.suppress(ConfigError):
                    self._open[number] = Stores(place)
        if len({stores.log for stores in self._open.values()}) > 1:
            paths = [stores.data for stores in self._open.values()]
            self.close()
            raise ConfigError("these data directories are not of one cluster", paths=paths)


def _beyond(stores: Stores, positions: Sequence[int]) -> bool:
    """True if anything is stored after these positions."""
    return any(there > read for there, read in zip(stores.positions(), positions, strict=True))
