"""What must hold of the servers while a node runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine.base.errors import ConfigError
from engine.cluster import watch
from engine.cluster.watch import AGAIN_S, Watch
from engine.cluster.witness import Wrong
from engine.node.config import Config
from tests.deadline import until

GONE = Wrong("the stream ringfold-C-0 is not there", "stream not found", "make it")


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> list[Wrong]:
    """What is wrong with the logs, as long as it is in this list."""
    found: list[Wrong] = []
    monkeypatch.setattr(watch, "wrong_with_copies", lambda *_: list(found))
    return found


class Looks:
    """Looks at servers, one after the other."""

    def __init__(self) -> None:
        link: Any = SimpleNamespace(client=SimpleNamespace(is_connected=False))
        self.watch = Watch(link, Config(cluster_monitors="http://127.0.0.1:1"), 1)
        self.now = 0.0

    def once(self) -> None:
        """Asks, and sees what came of it."""
        self.now += AGAIN_S
        self.watch.look(self.now)
        until(self.watch.answered, 10, "the servers were asked")
        self.watch.look(self.now)


def test_what_is_wrong_twice_ends_the_node_by_one_line(wrong: list[Wrong]) -> None:
    looks = Looks()
    looks.once()
    wrong.append(GONE)
    looks.once()
    with pytest.raises(ConfigError, match="ringfold-C-0 is not there"):
        looks.once()
    looks.watch.close()


def test_what_was_wrong_once_is_not_enough(wrong: list[Wrong]) -> None:
    looks = Looks()
    for _ in range(3):
        wrong.append(GONE)
        looks.once()
        wrong.clear()
        looks.once()
    looks.watch.close()
