"""The sink writes one letter for each receipt, whenever it is killed."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import Client, Node, Subscriber
from examples.sink import Letters, PlaceOrder, ReceiptIssued
from tests.deadline import until

SETTINGS = {"segment_bytes": "1MiB", "max_message_bytes": "256KiB", "partitions": 2}


@contextmanager
def sink(data: Path, letters: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-m", "examples.sink", str(data), str(letters)]) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(letters: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{letters}?mode=ro", uri=True) as base:
        found = base.execute("select id, buyer, text from letters").fetchall()
    base.close()
    return found


def count(letters: Path) -> int:
    try:
        return len(rows(letters))
    except sqlite3.OperationalError:
        return 0  # not made yet, or being written


def test_each_receipt_becomes_one_letter_while_the_sink_is_killed_and_started_again(tmp_path: Path) -> None:
    data, letters = tmp_path / "data", tmp_path / "letters.sqlite"
    node = Node(data, app="examples.sink:app", settings=SETTINGS, log=tmp_path / "log")
    orders = [PlaceOrder(f"order-{n}", buyer=f"buyer-{n % 7}", cents=100 + n) for n in range(400)]
    with node, Client(node.endpoints) as client:
        for portion in range(4):
            with sink(data, letters):
                sent = orders[100 * portion : 100 * (portion + 1)]
                assert all(receipt.ok for receipt in client.send_many(sent))
                # Killed while it is at it: somewhere between the first letter of this portion and the last.
                until(lambda least=100 * portion + 1: count(letters) >= least, 20)  # type: ignore[misc]
        with sink(data, letters):
            until(lambda: count(letters) == len(orders), 20)
    found = rows(letters)
    assert sorted(text for _, _, text in found) == sorted(
        f"{order.aggregate}: {order.cents / 100:.2f}" for order in orders
    )
    assert {id for id, _, _ in found} == {f"{order.id}-1" for order in orders}


def test_a_kill_between_the_letter_and_the_acknowledgement_repeats_the_message_not_the_letter(
    tmp_path: Path,
) -> None:
    data, path = tmp_path / "data", tmp_path / "letters.sqlite"
    node = Node(data, app="examples.sink:app", settings=SETTINGS, log=tmp_path / "log")
    with node, Client(node.endpoints) as client:
        assert client.send(PlaceOrder("order", buyer="ada", cents=1)).ok
    letters = Letters(path)
    seen = []
    for _ in range(3):
        with Subscriber(data, "letters", [ReceiptIssued]) as subscriber:
            messages = subscriber.take(5.0)
            letters.write(messages)
            seen += [message.id for message in messages]  # and dies here
    letters.close()
    assert len(seen) == 3
    assert [id for id, _, _ in rows(path)] == sorted(set(seen))
