"""The supervisor from outside: children die or hang, it is told to stop, it is killed itself."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from domain_12306.messages import ReserveSeats
from engine import Client, Node, Receipt
from engine.supervisor.supervisor import LOOK_S
from tests.acceptance.kit import APP, SEATS, gone, left, one_line, open_run, railway, reserve, ringfold
from tests.deadline import until

CHILDREN = ("input", "core-0", "output-0", "projector-remaining")
BACK_S = 20.0  # promised is two seconds plus replay; tests share the machine with others
STALL_S = 2

numbers = count()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("supervision")
    with railway(folder / "data", hang_seconds=STALL_S) as node:
        yield node


@pytest.fixture
def run(node: Node) -> int:
    """The number of a run that is on sale and that no other test sells from."""
    number = next(numbers)
    with Client(node.endpoints) as client:
        assert client.send(open_run(number)).outcome == "committed"
    return number


def strike(node: Node, name: str, number: int) -> None:
    """Sends a signal to a child and waits until another one is at work in its place."""
    pid = node.pids[name]
    os.kill(pid, number)
    until(lambda: node.pids[name] not in (0, pid) and node.at_work(), BACK_S, f"{name} is back at work")


class Buyer(threading.Thread):
    """Buys single seats one after the other until told to stop."""

    def __init__(self, node: Node, run: int) -> None:
        super().__init__()
        self.node, self.number = node, run
        self.orders: list[ReserveSeats] = []
        self.receipts: list[Receipt] = []
        self.enough = threading.Event()

    def run(self) -> None:
        with Client(self.node.endpoints) as client:
            for k in count():
                if self.enough.is_set():
                    return
                self.orders.append(reserve(self.number, f"o{k}", party=1 + k % 2))
                self.receipts.append(client.send(self.orders[-1], timeout_s=60))

    def __enter__(self) -> "Buyer":
        self.start()
        until(lambda: self.receipts, what="the first answer")
        return self

    def __exit__(self, *_: object) -> None:
        self.enough.set()
        self.join(60)


@pytest.mark.parametrize("name", CHILDREN)
def test_a_killed_child_comes_back_and_a_client_notices_only_a_pause(node: Node, run: int, name: str) -> None:
    with Buyer(node, run) as buyer:
        strike(node, name, signal.SIGKILL)
        heard = len(buyer.receipts)
        until(lambda: len(buyer.receipts) > heard + 3, BACK_S, "selling goes on")
    first = buyer.receipts
    assert {receipt.outcome for receipt in first} <= {"committed", "rejected"}
    versions = [receipt.version for receipt in first if receipt.ok]
    assert versions == list(range(2, len(versions) + 2))
    with Client(node.endpoints) as client:
        assert client.send_many(buyer.orders) == first, "the same answers as the first time"
        sold = sum(
            len(order.passengers) for order, receipt in zip(buyer.orders, first, strict=True) if receipt.ok
        )
        assert left(client, run, at_least=max(receipt.at for receipt in first)) == SEATS - sold


def test_a_child_that_hangs_is_killed_and_started_again(node: Node, run: int) -> None:
    strike(node, "core-0", signal.SIGSTOP)
    with Client(node.endpoints) as client:
        assert client.send(reserve(run, "a")).outcome == "committed"
    assert node.log is not None
    assert "hangs" in node.log.read_text()


def test_a_killed_child_is_started_again_at_once_and_restarts_are_counted(node: Node) -> None:
    def pause() -> float:
        pid, began = node.pids["projector-remaining"], time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: node.pids["projector-remaining"] not in (0, pid), BACK_S, "it is started")
        ended = time.monotonic()
        until(node.at_work, BACK_S, "it is back at work")
        return ended - began

    pauses = [pause() for _ in range(3)]  # the machine may be busy with something else for a while
    assert min(pauses) < LOOK_S, "the supervisor does not sleep first"
    shown = json.loads(ringfold("status", "--data", str(node.data), "--json").stdout)["data"]
    assert shown["processes"]["projector-remaining"]["restarts"] >= 1


def test_a_second_node_on_the_same_directory_is_refused(node: Node) -> None:
    second = ringfold("serve", "--data", str(node.data))
    assert second.returncode == 6
    assert str(node.pid) in one_line(second.stderr)
    assert second.stdout == ""
    assert node.at_work()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.smoke)]
)
def test_a_stop_in_order_exits_0_keeps_everything_and_leaves_nothing_to_replay(
    tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    orders = [reserve(0, f"o{k}") for k in range(SEATS + 5)]
    node = railway(data)
    with node, Client(node.endpoints) as client:
        client.send(open_run(0))
        first = client.send_many(orders)
        children = node.pids.values()
        os.kill(node.pid, number)
        assert node.wait() == 0
        assert all(map(gone, children))
    verified = ringfold("journal", "verify", "--data", str(data), "--json")
    assert verified.returncode == 0
    report = json.loads(verified.stdout)["data"]
    assert report["witness"] == report["last_sequence"] == 1 + len(orders)
    with node, Client(node.endpoints) as client:
        assert client.send_many(orders) == first


@pytest.mark.smoke
def test_a_stop_while_clients_buy_answers_everything_that_was_accepted(tmp_path: Path) -> None:
    node = railway(tmp_path / "data")
    with node, Client(node.endpoints) as client:
        client.send(open_run(0))
        tickets = [client.submit(reserve(0, f"o{k}"), "accepted", 60) for k in range(300)]
        client.wait(tickets[1])  # the first one leaves alone
        assert node.stop() == 0
        client.pump(0.2)  # takes in what was answered before the end
        accepted = [k for k, ticket in enumerate(tickets) if ticket.receipt and ticket.receipt.ok]
    assert len(accepted) >= 100, "the frame of the second command at least"
    with node, Client(node.endpoints) as client:
        for k in accepted:  # under a new id, so that nothing but the kept order itself can refuse it
            refused = client.send(reserve(0, f"o{k}"))
            assert refused.code == ("order-exists" if k < SEATS else "sold-out")


def test_after_a_killed_supervisor_the_children_leave_and_a_new_node_starts_at_once(tmp_path: Path) -> None:
    orders = [reserve(0, f"o{k}") for k in range(20)]
    node = railway(tmp_path / "data")
    with node, Client(node.endpoints) as client:
        client.send(open_run(0))
        first = client.send_many(orders)
        children = node.pids.values()
        node.kill()
    with node, Client(node.endpoints) as client:
        assert all(map(gone, children)), "they held the lock for as long as they lived"
        assert client.send_many(orders) == first
        assert client.send(reserve(0, "next")).version == len(orders) + 2


def test_everything_killed_at_once_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    orders = [reserve(0, f"o{k}") for k in range(SEATS + 5)]
    node = railway(tmp_path / "data")
    with node, Client(node.endpoints) as client:
        client.send(open_run(0))
        first = client.send_many(orders)
        children = node.pids.values()
        node.kill()
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    with node, Client(node.endpoints) as client:
        assert client.send_many(orders) == first
        assert left(client, 0, at_least=max(receipt.at for receipt in first)) == 0


def test_damage_in_the_journal_stops_the_node_and_names_the_place(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with railway(data) as node, Client(node.endpoints) as client:
        client.send(open_run(0))
        client.send_many([reserve(0, f"o{k}") for k in range(20)])
    segment = min(path for path in (data / "journal").iterdir() if path.stat().st_size)
    whole = segment.read_bytes()
    at = whole.index(b"run.open")
    segment.write_bytes(whole[:at] + b"ruin" + whole[at + 4 :])
    for arguments in (("journal", "verify"), ("serve", "--app", APP)):
        found = ringfold(*arguments, "--data", str(data))
        assert found.returncode == 4, found
        assert segment.name in found.stdout + found.stderr
    assert segment.read_bytes() == whole[:at] + b"ruin" + whole[at + 4 :]
