"""`python -m tests.drill --fault behind`: a node with a fault, under load, until the time is up.

It prints where the node is, and nothing of the fault, unless `--tell` asks for it at the end.
"""

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import zmq

from engine import Client, Node
from engine.base.files import free_bytes
from tests.drill.shop import LOST, PACE, POISON, SLOW_S, Place

APP = "tests.drill.shop:create"
FLOOD = 500  # orders in a message
EVERYDAY_S = 0.02  # between two orders of an ordinary client


def settings_of(fault: str, folder: Path) -> dict[str, object]:
    """What makes a node have it."""
    if fault == "disk":
        return {"disk_reserve_bytes": free_bytes(folder) + (1 << 34)}
    if fault == "flood":
        return {"max_in_flight_per_client": 2_000, "max_wait_ms": 5}
    return {}


def environment_of(fault: str) -> dict[str, str]:
    """What the shop has to know of it."""
    return {PACE: str(SLOW_S)} if fault == "behind" else {}


def order_of(fault: str, number: int) -> Place:
    """What an ordinary client orders."""
    name = f"order-{number}"
    if fault == "refused" and number % 10 == 0:
        return Place(name + LOST, article="a", units=1)
    units = POISON if fault == "poison" and number % 50 == 0 else 1 + number % 5
    return Place(name, article=f"article-{number % 9}", units=units)


def everyday(node: Node, fault: str, ended: Callable[[], bool]) -> None:
    """An ordinary client."""
    with Client(node.endpoints) as client:
        for number in itertools.count():
            if ended():
                return
            client.send(order_of(fault, number), timeout_s=2.0)
            time.sleep(EVERYDAY_S)


def flood(node: Node, ended: Callable[[], bool]) -> None:
    """A client that sends as fast as it can, and does not care for answers that say `busy`."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(node.endpoints.commands)
    for number in itertools.count():
        if ended():
            break
        orders = [Place(f"flood-{number}-{k}", article="f", units=1) for k in range(FLOOD)]
        socket.send(msgspec.json.encode(orders))
        while socket.poll(0):
            socket.recv()
        time.sleep(0.002)
    socket.close()


FAULTS = ("poison", "disk", "behind", "refused", "flood")


def main() -> int:
    """Runs the drill."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, help="which (one of them)")
    parser.add_argument("--seconds", type=float, default=180, help="how long (180)")
    parser.add_argument("--tell", action="store_true", help="say at the end which it was")
    options = parser.parse_args()
    fault = options.fault or random.SystemRandom().choice(FAULTS)
    os.environ.update(environment_of(fault))
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # the node and its folder go with the drill
        signal.signal(number, lambda *_: over.set())
    with tempfile.TemporaryDirectory(prefix="ringfold-drill-") as text:
        folder = Path(text)
        settings = {"http": "127.0.0.1:0", **settings_of(fault, folder)}
        with Node(folder / "data", app=APP, settings=settings, log=folder / "node.log") as node:
            print(f"data {node.data}\nlog {node.log}", flush=True)
            until = time.monotonic() + options.seconds

            def ended() -> bool:
                return over.is_set() or time.monotonic() > until or node.ended

            threads = [threading.Thread(target=everyday, args=(node, fault, ended))]
            if fault == "flood":
                threads.append(threading.Thread(target=flood, args=(node, ended)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    if options.tell:
        print(fault)
    return 0


if __name__ == "__main__":
    sys.exit(main())
