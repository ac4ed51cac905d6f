"""The watch: what must hold of the servers (`engine.cluster.witness`), looked at again while a node runs.

A server that was started again with another configuration would make the node promise what does not hold. So
a node ends as it would not start, once it has seen it twice: servers that settle who leads may say anything.
A server that does not answer does not end the node: the others may be a majority.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError
from engine.cluster.founding import monitors_of
from engine.cluster.jetstream import FAILURES
from engine.cluster.link import Link
from engine.cluster.witness import (
    Wrong,
    payload_for,
    wrong_with_connected,
    wrong_with_copies,
    wrong_with_monitored,
)

if TYPE_CHECKING:
    from engine.node.config import Config

AGAIN_S = 5.0


class Watch:
    """The watch of one node. It asks in a thread of its own, so that who looks never waits."""

    def __init__(self, link: Link, config: "Config", partitions: int) -> None:
        self._link, self._config, self._partitions = link, config, partitions
        self._thread = ThreadPoolExecutor(1, "watch")
        self._asking: Future[list[Wrong]] | None = None
        self._ask_at = 0.0
        self._suspected: set[str] = set()

    def answered(self) -> bool:
        """True if what was asked is known, or nothing was asked."""
        return self._asking is None or self._asking.done()

    def look(self, now: float) -> None:
        """Asks, if it is time. Raises ConfigError for what was found wrong."""
        if self._asking is not None and self.answered():
            found, self._asking = self._asking.result(), None
            for one in found:
                if one.text in self._suspected:
                    raise ConfigError(one.text, found=one.found, hint=one.hint)
            self._suspected = {one.text for one in found}
        if self._asking is None and now >= self._ask_at:
            self._ask_at = now + AGAIN_S
            self._asking = self._thread.submit(lambda: list(self._wrong()))

    def _wrong(self) -> Iterator[Wrong]:
        config = self._config
        payload = payload_for(config.max_message_bytes)
        if self._link.client.is_connected:
            yield from wrong_with_connected(self._link, payload)
        for monitor in monitors_of(config):
            with suppress(OSError, ValueError):
                yield from wrong_with_monitored(monitor, payload)
        with suppress(*FAILURES):
            name, copies = config.cluster_name, config.cluster_replicas
            yield from wrong_with_copies(self._link, name, self._partitions, copies)

    def close(self) -> None:
        """Asks no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
