"""A node that the settings name and that is not there: its workers do not run, and nothing else says so."""

from collections.abc import Collection

QUIET_S = 5.0  # nodes that are started together come one after the other, and a restart takes a while


class Misnamed:
    """The look for the node that is to run workers. `name`: empty if none is named."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since: float | None = None  # when it was found to be not there
        self._told = False

    def look(self, there: Collection[str], now: float) -> bool:
        """True once it has not been there for QUIET_S; once for each absence."""
        if not self._name or self._name in there:
            self._since, self._told = None, False
            return False
        self._since = now if self._since is None else self._since
        if self._told or now - self._since < QUIET_S:
            return False
        self._told = True
        return True
