"""`python -m examples.cluster`, which `make cluster` runs: three NATS servers and three nodes on this machine
sell stickers to several clients, the node that decides is killed, and everything is checked.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine import Client, Command, EventLog, Node
from engine.cli import main as ringfold
from engine.cluster.servers import Servers
from engine.node.status import StatusPage
from examples.flash_sale.audit import ENDS, Sale
from examples.flash_sale.messages import PlaceOrder, PutOnSale

APP, ARTICLE = "examples.flash_sale:app", "sticker"
PARTITIONS, UNITS, BUYERS, CLIENTS = 2, 1_000, 1_500, 4
BATCH, PATIENCE_S = 25, 40.0
NAMES = ("anna", "berta", "clara")


def main() -> None:
    """Tells the story on standard output."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfold-cluster-")))
        servers = stack.enter_context(Servers(folder / "nats", 3))
        say("three NATS servers are there; each flushes before it says that it has something")
        settings = {"cluster": servers.urls, "cluster_monitors": servers.monitors}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        ringfold(["cluster", "init", "--app", APP, "--partitions", str(PARTITIONS), *flags])
        nodes = stack.enter_context(started(folder, settings))
        owners = settled(nodes)
        say(f"three nodes are at work; owners of the partitions: {', '.join(owners)}")
        sale = Rush(nodes)
        sale.begin()
        wait_for(lambda: sale.answered > BUYERS // 3)
        nodes[owners[0]].kill()
        killed = time.monotonic()
        say(f"{owners[0]}, which decides for partition 0, is killed after {sale.answered:,} orders")
        del nodes[owners[0]]
        sale.join()
        say(f"all {BUYERS:,} orders are answered; the longest pause was {sale.longest_pause(killed):.1f} s")
        histories = [ended(node) for node in nodes.values()]
        say(f"every order has ended: {dict(Sale(histories[0]).statuses())}")
        check(histories, say)
        again = stack.enter_context(started(folder, settings, [owners[0]]))
        nodes |= again
        wait_for(lambda: history(again[owners[0]]) == histories[0])
        say(f"{owners[0]} is back, and has followed what the others have decided meanwhile")
        ringfold(["cluster", "status", *flags])
        ringfold(["cluster", "verify", *flags])
        say("done")


@contextmanager
def started(folder: Path, settings: dict[str, str], names: Any = NAMES) -> Iterator[dict[str, Node]]:
    """Nodes of these names, at work; they are gone afterwards."""
    own = {"segment_bytes": "4MiB", "snapshot_events": 0, "max_wait_ms": 0}
    nodes = {
        name: Node(
            folder / name, app=APP, settings=settings | own | {"node": name}, log=folder / f"{name}.log"
        )
        for name in names
    }
    try:
        with ThreadPoolExecutor() as starting:
            list(starting.map(Node.start, nodes.values()))
        yield nodes
    finally:
        for node in nodes.values():
            node.kill()


class Rush:
    """Several clients, each at a node of its own choice, which send all orders; a client whose node dies goes
    to another one, and sends the same commands there."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes
        self._times: list[float] = []
        self._threads = [threading.Thread(target=self._order, args=(number,)) for number in range(CLIENTS)]
        self._wrong: list[str] = []

    @property
    def answered(self) -> int:
        """How many orders are answered."""
        return len(self._times)

    def begin(self) -> None:
        """Puts the article on sale and lets the clients loose."""
        on_sale: list[Command] = [PutOnSale(ARTICLE, units=UNITS, price=0)]
        self._send(on_sale, 0)
        self._times.clear()
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Waits for all of them. AssertionError if an order was not committed."""
        for thread in self._threads:
            thread.join()
        assert not self._wrong, self._wrong[:3]

    def longest_pause(self, since: float) -> float:
        """Seconds without an answer, the longest after this moment."""
        times = [since, *(at for at in sorted(self._times) if at > since)]
        return max((b - a for a, b in pairwise(times)), default=0.0)

    def _order(self, number: int) -> None:
        mine = range(number, BUYERS, CLIENTS)
        for first in range(0, len(mine), BATCH):
            orders: list[Command] = [
                PlaceOrder(f"order-{k}", article=ARTICLE) for k in mine[first : first + BATCH]
            ]
            self._send(orders, number)

    def _send(self, commands: list[Command], number: int) -> None:
        """Sends commands until each is committed: to another node if this one does not answer."""
        until = time.monotonic() + PATIENCE_S
        while commands and time.monotonic() < until:
            nodes = list(self._nodes.values())
            node = nodes[number % len(nodes)]
            number += 1
            try:
                with Client(node.endpoints) as client:
                    receipts = client.send_many(commands, timeout_s=3.0)
            except Exception:  # it was killed this very moment
                continue
            number -= 1 if all(receipt.ok for receipt in receipts) else 0
            self._times += [time.monotonic() for receipt in receipts if receipt.ok]
            pairs = zip(commands, receipts, strict=True)
            commands = [command for command, receipt in pairs if not receipt.ok]
        self._wrong += [command.id for command in commands]


def settled(nodes: dict[str, Node]) -> list[str]:
    """The owner of each partition, once all nodes have heard of each other."""
    previous: list[str] = []
    until = time.monotonic() + 3.0
    while time.monotonic() < until or "" in previous:
        previous = [owner_of(nodes, partition) for partition in range(PARTITIONS)]
        time.sleep(0.1)
    return previous


def owner_of(nodes: dict[str, Node], partition: int) -> str:
    """The node that says that it owns a partition."""
    for name, node in nodes.items():
        with StatusPage.attach(node.endpoints.status) as page:
            if page.slot("member").owned >> partition & 1:
                return name
    return ""


def ended(node: Node) -> list[Any]:
    """The history of a node in which every order has ended."""

    def found() -> list[Any] | None:
        some = history(node)
        orders = Sale(some).orders
        return some if len(orders) == BUYERS and all(status in ENDS for status in orders.values()) else None

    some: list[Any] = wait_for(found)
    return some


def history(node: Node) -> list[Any]:
    """All commits in the stores of a node."""
    with EventLog(node.data) as log:
        return [entry.commit for entry in log.read()]


def check(histories: list[list[Any]], say: Any) -> None:
    """Every rule of the sale, and that the stores are the same. AssertionError."""
    sale = Sale(histories[0])
    broken = [*sale.broken, *sale.at_the_end()]
    assert not broken, broken[:3]
    assert sum(sale.sold.values()) == UNITS, sum(sale.sold.values())
    assert all(one == histories[0] for one in histories), "the stores differ"
    text = (
        f"{UNITS:,} units were sold, none twice; no order lost, none decided twice; {len(histories)} stores"
    )
    say(f"{text} with the same {len(histories[0]):,} commits")


def wait_for(condition: Any) -> Any:
    """The first true value of a condition."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"not within {PATIENCE_S} s")


if __name__ == "__main__":
    main()
