"""Clients that know two nodes of a cluster, of which the one that they use is killed under load."""

import asyncio
import http.client
import itertools
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from engine import AsyncClient, Client, Command, EventLog, Receipt, Subscriber
from examples.stock import Shelf, Take, Taken
from tests.acceptance.clusters import Cluster, cluster
from tests.cluster.missing import needs_servers
from tests.deadline import until

pytestmark = needs_servers

APP = "examples.stock:app"
AT_ONCE = 20
WAIT_S = 60.0

Told = tuple[str, str]
"""the id of a command, and its outcome"""
Send = Callable[[Sequence[Command]], list[Told]]


class Buyer(threading.Thread):
    """Sends in a `way` of its own until it is told to stop. `told`: what became of each command, by id;
    `pause_s`: the longest time without an answer."""

    def __init__(self, name: str, way: AbstractContextManager[Send]) -> None:
        super().__init__(name=name)
        self.told: dict[str, str] = {}
        self.pause_s = 0.0
        self.error: BaseException | None = None
        self._way, self._stop_asked = way, threading.Event()

    def run(self) -> None:
        try:
            with self._way as send:
                for number in itertools.count():
                    if self._stop_asked.is_set():
                        return
                    some = [Take(f"{self.name}-{number}-{k}", count=1) for k in range(AT_ONCE)]
                    began = time.monotonic()
                    self.told.update(send(some))
                    self.pause_s = max(self.pause_s, time.monotonic() - began)
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Stops; what went wrong is raised."""
        self._stop_asked.set()
        self.join(2 * WAIT_S)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def outcomes(receipts: Sequence[Receipt]) -> list[Told]:
    return [(one.id, one.outcome) for one in receipts]


@contextmanager
def by_client(places: list[Path]) -> Iterator[Send]:
    """Sends by a client."""
    with Client(places) as client:

        def send(some: Sequence[Command]) -> list[Told]:
            receipts = client.send_many(some, timeout_s=WAIT_S)
            last, article = receipts[-1], some[-1].aggregate
            assert client.query(Shelf.left, article, at_least=last, timeout_s=WAIT_S) == 99
            return outcomes(receipts)

        yield send


@contextmanager
def by_async_client(places: list[Path]) -> Iterator[Send]:
    """Sends by an async client, which lives in a loop of its own."""

    async def made() -> AsyncClient:
        return AsyncClient(places)

    with asyncio.Runner() as runner:
        client = runner.run(made())

        async def sent(some: Sequence[Command]) -> list[Told]:
            receipts = await client.send_many(some, timeout_s=WAIT_S)
            last, article = receipts[-1], some[-1].aggregate
            assert await client.query(Shelf.left, article, at_least=last, timeout_s=WAIT_S) == 99
            return outcomes(receipts)

        yield lambda some: runner.run(sent(some))
        runner.run(client.close())


@contextmanager
def by_http(urls: list[str]) -> Iterator[Send]:
    """Posts to one of the gateways, and the same with the same ids to the next when that one does not do."""
    order = itertools.cycle(urls)
    at = [next(order)]

    def post(some: Sequence[Command]) -> list[Told]:
        take = {"type": "stock.take", "count": 1}
        body = json.dumps([take | {"aggregate": one.aggregate, "id": one.id} for one in some]).encode()
        kind = {"content-type": "application/json"}
        request = urllib.request.Request(f"{at[0]}/api/commands?timeout_ms=2000", body, kind)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return [(one["id"], one["outcome"]) for one in json.load(answer)]

    def send(some: Sequence[Command]) -> list[Told]:
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            with suppress(OSError, http.client.HTTPException):
                told = post(some)
                if {outcome for _, outcome in told} == {"committed"}:
                    return told
            at[0] = next(order)
        raise TimeoutError("no gateway has committed it")

    yield send


def history(made: Cluster, name: str) -> list[str]:
    """The ids of the commands that the store of a node has."""
    with EventLog(made.nodes[name].data) as log:
        return [entry.commit.command for entry in log.read()]


@pytest.mark.smoke
def test_a_node_that_is_killed_under_load_is_left_for_the_other_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.shuffle", lambda nodes: None)  # all begin with the node that is killed
    with cluster(APP, partitions=2) as made:
        nodes = [made.start(name, http="127.0.0.1:0") for name in ("one", "two")]
        places, urls = [node.data for node in nodes], [node.endpoints.http for node in nodes]
        made.settled()
        buyers = [
            Buyer("sync", by_client(places)),
            Buyer("async", by_async_client(places)),
            Buyer("http", by_http(urls)),
        ]
        with Subscriber(places, "mail", [Taken], folder=tmp_path) as subscriber:
            heard: Counter[str] = Counter()

            def heard_more() -> int:
                heard.update(one.id[:32] for one in subscriber.take(0.1))
                return heard.total()

            for buyer in buyers:
                buyer.start()
            until(lambda: heard_more() and all(len(one.told) > 100 for one in buyers), 60)
            nodes[0].kill()
            before = [len(one.told) for one in buyers]
            until(
                lambda: heard_more() and all(len(buyers[k].told) > n + 100 for k, n in enumerate(before)),
                60,
                "all go on with the other node",
            )
            for buyer in buyers:
                buyer.end()
            told = {id: outcome for buyer in buyers for id, outcome in buyer.told.items()}
            assert set(told.values()) == {"committed"}
            stored = Counter(history(made, "two"))
            assert set(stored) == set(told), "all that was sent was answered, and is there"
            assert set(stored.values()) == {1}
            until(lambda: heard_more() >= len(told), 60)
            assert heard == stored, "the subscriber has each once"
        print({one.name: f"{one.pause_s:.1f} s" for one in buyers})
        assert max(one.pause_s for one in buyers) < 30
