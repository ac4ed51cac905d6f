"""A cluster in trouble: no server answers, a command kills who decides it, a node sleeps or comes late."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from engine import Client, Node
from tests.acceptance.clusters import Cluster, cluster
from tests.acceptance.test_poison import Count
from tests.cluster.missing import needs_servers
from tests.cluster.story import rows
from tests.deadline import until

APP = "tests.acceptance.test_poison:create"
pytestmark = needs_servers


@pytest.fixture
def made() -> Iterator[Cluster]:
    with cluster(APP) as made:
        yield made


def outcome(client: Client, command: Count, timeout_s: float = 20) -> str:
    receipt = client.send(command, timeout_s=timeout_s)
    return receipt.code or receipt.outcome


def expect_equal(made: Cluster) -> None:
    one, *others = made.nodes.values()
    for other in others:
        until(lambda: rows(one, 0) == rows(other, 0), 20, "both stores are equal")  # noqa: B023


def other_than(made: Cluster, name: str) -> Node:
    return next(node for other, node in made.nodes.items() if other != name)


@pytest.mark.slow
def test_without_servers_commands_are_busy_and_all_goes_on_once_they_are_back(made: Cluster) -> None:
    node = made.start("one")
    with Client(node.endpoints) as client:
        assert outcome(client, Count("c")) == "committed"
        made.servers.kill(0)
        waiting = Count("c")
        assert outcome(client, waiting, 2) == "unknown", "it may be on its way"
        began = time.monotonic()
        assert outcome(client, Count("c"), 1) == "busy"
        assert time.monotonic() - began < 3
        made.servers.start(0)
        assert outcome(client, waiting) == "committed"
        assert client.send(Count("c")).version in (3, 4)
    assert node.stop() == 0


@pytest.mark.slow
def test_a_node_ends_in_time_though_no_server_answers(made: Cluster) -> None:
    node = made.start("one", stop_seconds=2)
    with Client(node.endpoints) as client:
        assert outcome(client, Count("c")) == "committed"
        made.servers.kill(0)
        client.send(Count("c"), timeout_s=0.5)
        began = time.monotonic()
        node.stop()
        assert time.monotonic() - began < 15
    made.servers.start(0)
    made.servers.wait_until_ready()
    again = made.start("one")
    with Client(again.endpoints) as client:
        assert client.send(Count("c"), timeout_s=20).version in (2, 3)


@pytest.mark.slow
def test_a_command_that_kills_every_core_is_set_aside_and_answered_alike_everywhere(made: Cluster) -> None:
    for name in ("one", "two"):
        made.start(name)
    made.settled()
    poisoned = Count("c", how="kill")
    with Client(made.nodes["one"].endpoints) as client:
        assert outcome(client, Count("c")) == "committed"
        assert outcome(client, poisoned, 60) == "poisoned"
        assert client.send(Count("c"), timeout_s=30).version == 2
    with Client(made.nodes["two"].endpoints) as client:
        assert outcome(client, poisoned) == "poisoned", "sent again to another node"
        assert client.send(Count("c")).version == 3
    expect_equal(made)


@pytest.mark.smoke
def test_a_node_that_comes_late_has_everything_and_takes_over_from_one_that_is_killed(made: Cluster) -> None:
    first = made.start("one")
    with Client(first.endpoints) as client:
        receipts = client.send_many([Count(f"c{k % 50}") for k in range(2_000)], timeout_s=30)
        assert {receipt.outcome for receipt in receipts} == {"committed"}
    second = made.start("two")
    expect_equal(made)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    del made.nodes["one"]
    with Client(second.endpoints) as client:
        began = time.monotonic()
        assert client.send(Count("c0"), timeout_s=20).version == 41
        assert time.monotonic() - began < 10


@pytest.mark.slow
def test_an_owner_that_slept_is_refused_by_the_log_and_nothing_is_decided_twice(made: Cluster) -> None:
    for name in ("one", "two"):
        made.start(name)
    (owner,) = made.settled()
    sleeper, other = made.nodes[owner], other_than(made, owner)
    with Client(other.endpoints) as client:
        assert outcome(client, Count("c")) == "committed"
        pids = [sleeper.pid, *sleeper.pids.values()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert client.send(Count("c"), timeout_s=20).version == 2
        finally:
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)
        with Client(sleeper.endpoints) as late:
            versions = sorted(late.send(Count("c"), timeout_s=20).version or 0 for _ in range(3))
        assert versions == [3, 4, 5]
    expect_equal(made)


@pytest.mark.slow
def test_nodes_that_start_at_the_same_time_share_and_agree(made: Cluster) -> None:
    starting = [threading.Thread(target=made.start, args=(name,)) for name in ("one", "two", "three")]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    made.settled()
    for name, node in made.nodes.items():
        with Client(node.endpoints) as client:
            assert outcome(client, Count(name)) == "committed"
    expect_equal(made)
