"""How many small records a second from one process to another? `python -m benchmarks.ring --json`

      producer process ──── 200-byte records ────▶ this process

Like against like, in turn, `--pairs` times:

    single    ring, one record a publish           ÷  multiprocessing.Queue, one record a put
    lists     ring, `--batch` records a publish    ÷  multiprocessing.Queue, a list of `--batch` records a put

Each ratio is the median over the turns. `multiprocessing.Pipe` and ZeroMQ over ipc, one record a message, run
in the same turns to show where they stand. Each record carries its number; all are made before the clock
starts and compared, every byte, after it has stopped.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import zmq

from benchmarks.figures import facts, progress, show, spread
from ringbuffer import Bell, Consumer, Producer, create

DURABILITY = "none: memory only"
CAPACITY = 1 << 20
PATIENCE_S = 60.0

# fork, so that pipes, queues and bells need no passing on; no thread or ZeroMQ context exists at that time.
processes = multiprocessing.get_context("fork")

Sender = Callable[[Sequence[bytes]], None]
Receiver = Callable[[int], list[bytes]]
Transport = Callable[[Path, int], tuple[Callable[[], Sender], Callable[[], Receiver]]]


def main() -> None:
    """All transports in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ring", description=__doc__)
    parser.add_argument("--records", type=int, default=300_000, help="records per run (300000)")
    parser.add_argument("--bytes", type=int, default=200, help="length of a record, at least 8 (200)")
    parser.add_argument("--batch", type=int, default=250, help="records per publish, and per list (250)")
    parser.add_argument("--pairs", type=int, default=5, help="how many turns (5)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | measure(options.records, options.bytes, options.batch, options.pairs)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(records: int, size: int, batch: int, pairs: int) -> dict[str, Any]:
    """The report of `pairs` turns."""
    rates: dict[str, list[float]] = {name: [] for name in TRANSPORTS}
    verified = True
    for turn in range(pairs):
        for name, (transport, batched) in TRANSPORTS.items():
            rate, right = run(transport, records, size, batch if batched else 1)
            rates[name].append(rate)
            verified &= right
            progress(f"turn {turn + 1}: {name:13} {rate:12,.0f} records/s{'' if right else ', wrong'}")
    single = ratios(rates["ring_single"], rates["queue_single"])
    lists = ratios(rates["ring_lists"], rates["queue_lists"])
    return {
        **{f"{name}_per_second": round(statistics.median(seen)) for name, seen in rates.items()},
        "ratio_single": round(statistics.median(single), 1),
        "ratio_single_compares": "ring, 1 record a publish / Queue, 1 record a put",
        "ratio_single_spread": spread(single),
        "ratio_lists": round(statistics.median(lists), 1),
        "ratio_lists_compares": f"ring, {batch} records a publish / Queue, a list of {batch} a put",
        "ratio_lists_spread": spread(lists),
        "records": records,
        "bytes": size,
        "batch": batch,
        "pairs": pairs,
        "capacity": CAPACITY,
        "verified": verified,
    }


def ratios(ring: Sequence[float], queue: Sequence[float]) -> list[float]:
    """Ring ÷ queue of each turn."""
    return [ours / theirs for ours, theirs in zip(ring, queue, strict=True)]


def run(transport: Transport, records: int, size: int, batch: int) -> tuple[float, bool]:
    """One run: records a second, and whether every one arrived as it was sent."""
    here, there = processes.Pipe()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        sender, receiver = transport(Path(folder), batch)
        child = processes.Process(target=produce, args=(there, sender, records, size))
        child.start()
        receive = receiver()
        here.recv()  # the producer has made its records
        here.send("go")
        got = receive(records)
        ended = time.perf_counter()  # CLOCK_MONOTONIC: the same in both processes
        started = here.recv()
        child.join(PATIENCE_S)
        right = child.exitcode == 0
    return records / (ended - started), right and got == made(records, size)


def produce(there: "Connection[Any, Any]", sender: Callable[[], Sender], records: int, size: int) -> None:
    """The producer process."""
    load = made(records, size)
    send = sender()
    there.send("ready")
    there.recv()
    started = time.perf_counter()
    send(load)
    there.send(started)


def made(records: int, size: int) -> list[bytes]:
    """Records whose bytes follow from their number."""
    block = bytes(i % 251 for i in range(size + 251))
    return [i.to_bytes(8, "little") + block[i % 251 : i % 251 + size - 8] for i in range(records)]


def over_ring(folder: Path, batch: int) -> tuple[Callable[[], Sender], Callable[[], Receiver]]:
    """The ring: parks when it is empty, naps when it is full."""
    path, bell = folder / "ring", Bell.create()
    create(path, CAPACITY)

    def sender() -> Sender:
        producer = Producer(path, bell)

        def send(records: Sequence[bytes]) -> None:
            for at in range(0, len(records), batch):
                part = records[at : at + batch]
                if not producer.try_publish(part):
                    producer.publish(part, deadline_s=PATIENCE_S)

        return send

    def receiver() -> Receiver:
        consumer = Consumer(path, bell)

        def receive(count: int) -> list[bytes]:
            got: list[bytes] = []
            while len(got) < count and consumer.wait(PATIENCE_S):
                got += consumer.take(CAPACITY // 4)
                consumer.release()
            return got

        return receive

    return sender, receiver


def over_queue(folder: Path, batch: int) -> tuple[Callable[[], Sender], Callable[[], Receiver]]:
    """multiprocessing.Queue."""
    queue: multiprocessing.Queue[bytes] = processes.Queue()

    def send(records: Sequence[bytes]) -> None:
        for record in records:
            queue.put(record)
        queue.close()
        queue.join_thread()

    def receive(count: int) -> list[bytes]:
        return [queue.get() for _ in range(count)]

    return lambda: send, lambda: receive


def over_queue_of_lists(folder: Path, batch: int) -> tuple[Callable[[], Sender], Callable[[], Receiver]]:
    """multiprocessing.Queue, a list of records at a time."""
    queue: multiprocessing.Queue[list[bytes]] = processes.Queue()

    def send(records: Sequence[bytes]) -> None:
        for at in range(0, len(records), batch):
            queue.put(list(records[at : at + batch]))
        queue.close()
        queue.join_thread()

    def receive(count: int) -> list[bytes]:
        got: list[bytes] = []
        while len(got) < count:
            got += queue.get()
        return got

    return lambda: send, lambda: receive


def over_pipe(folder: Path, batch: int) -> tuple[Callable[[], Sender], Callable[[], Receiver]]:
    """multiprocessing.Pipe, which needs no pickling for bytes."""
    reading, writing = processes.Pipe(duplex=False)

    def send(records: Sequence[bytes]) -> None:
        for record in records:
            writing.send_bytes(record)

    def receive(count: int) -> list[bytes]:
        return [reading.recv_bytes() for _ in range(count)]

    return lambda: send, lambda: receive


def over_zeromq(folder: Path, batch: int) -> tuple[Callable[[], Sender], Callable[[], Receiver]]:
    """PUSH and PULL over ipc."""
    endpoint = f"ipc://{folder / 'socket'}"

    def sender() -> Sender:
        context = zmq.Context()
        socket = context.socket(zmq.PUSH)
        socket.connect(endpoint)

        def send(records: Sequence[bytes]) -> None:
            for record in records:
                socket.send(record)
            socket.close()
            context.term()

        return send

    def receiver() -> Receiver:
        context = zmq.Context()
        socket = context.socket(zmq.PULL)
        socket.bind(endpoint)

        def receive(count: int) -> list[bytes]:
            got = [socket.recv() for _ in range(count)]
            context.destroy(linger=0)
            return got

        return receive

    return sender, receiver


TRANSPORTS: dict[str, tuple[Transport, bool]] = {  # True: `--batch` records at once
    "ring_single": (over_ring, False),
    "queue_single": (over_queue, False),
    "ring_lists": (over_ring, True),
    "queue_lists": (over_queue_of_lists, True),
    "pipe_single": (over_pipe, False),
    "zeromq_single": (over_zeromq, False),
}


if __name__ == "__main__":
    main()
