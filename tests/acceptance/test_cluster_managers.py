"""Process managers and workers on two nodes, one of which goes: what was ordered arrives, once."""

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Command, EventLog, QueryRefused
from engine.base.identity import partition_of
from engine.managers import Birth, read_birth
from examples.bank_transfer.__main__ import wanted
from examples.bank_transfer.audit import audit as audit_of_money
from examples.bank_transfer.messages import OpenAccount
from examples.bank_transfer.money import Money
from examples.flash_sale.audit import Sale
from examples.flash_sale.messages import Pay, PlaceOrder, PutOnSale, payment_of
from tests.acceptance.clusters import Cluster, cluster
from tests.acceptance.errands import Ask
from tests.acceptance.test_workers import done
from tests.deadline import until

SALE = "examples.flash_sale:app"
BANK = "examples.bank_transfer:app"
ACCOUNTS, TRANSFERS, OPENING = 20, 400, 10_000


def history(made: Cluster, name: str) -> list[Any]:
    """What the store of a node has."""
    with EventLog(made.nodes[name].data) as log:
        return [entry.commit for entry in log.read()]


def sent(client: Client, commands: Sequence[Command]) -> None:
    """Sends commands, each of which is committed."""
    told = [receipt for receipt in client.send_many(commands, timeout_s=30) if receipt.outcome != "committed"]
    assert told == []


def dealt_with(made: Cluster, name: str, worker: str) -> bool:
    """True if every handler of a worker has ended on a node, with all that its store has."""
    page = made.nodes[name].page
    assert page is not None
    stored = sum(page.slot(f"output-{partition}").position for partition in range(made.partitions))
    return page.slot(f"worker-{worker}").position == stored


def looks_of(made: Cluster, name: str, worker: str) -> int:
    """How often a worker has looked, on a node, whether there is something to do."""
    page = made.nodes[name].page
    assert page is not None
    return page.slot(f"worker-{worker}").progress


def outbox_of(made: Cluster, name: str, manager: str) -> int:
    """How many commands of a process manager wait on a node for their answer."""
    page = made.nodes[name].page
    assert page is not None
    return page.slot(f"manager-{manager}").outbox


@pytest.mark.parametrize(
    "partitions", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.smoke)]
)
def test_no_money_is_lost_when_the_node_dies_that_sends_and_the_shadow_goes_on(partitions: int) -> None:
    with cluster(BANK, partitions) as made:
        nodes = {name: made.start(name) for name in ("one", "two")}
        owner = made.settled()[partition_of("clerk", partitions)]
        other = next(name for name in nodes if name != owner)
        accounts = [f"account-{number}" for number in range(ACCOUNTS)]
        transfers = wanted(accounts, random.Random(1))[:TRANSFERS]
        with Client(nodes[other].endpoints) as client:
            opening = [OpenAccount(account, amount=OPENING) for account in accounts]
            sent(client, opening)
            sent(client, transfers[: TRANSFERS // 2])
            until(lambda: outbox_of(made, owner, "clerk") == 0, 20)
            told = {one["node"]: one["acts"] for one in made.ringfold("status")["data"]["nodes"]}
            assert told == {owner: ["manager-clerk"], other: []}
            until(lambda: outbox_of(made, other, "clerk") == 0, 20, "a shadow sees what was answered")
            sent(client, transfers[TRANSFERS // 2 :])
            nodes[owner].kill()

            def have_ended(counts: dict[str, int]) -> bool:
                return sum(counts.values()) == TRANSFERS and "started" not in counts

            client.until(Money.transfers, predicate=have_ended, timeout_s=60)
            assert client.query(Money.sum) == {"accounts": ACCOUNTS * OPENING, "under_way": 0}
        assert made.owner(0) == other
        page = nodes[other].page
        assert page is not None
        assert page.slot("manager-clerk").dead_letters == 0, "each event came after what led to it"
        if partitions == 1:
            assert list(audit_of_money(history(made, other))) == []


@pytest.mark.slow
def test_every_timer_fires_once_though_the_node_that_would_have_fired_it_is_dead() -> None:
    units, buyers, paying = 10, 40, 5
    with cluster(SALE) as made:
        nodes = {name: made.start(name) for name in ("one", "two")}
        owner = made.settled()[0]
        other = next(name for name in nodes if name != owner)
        with Client(nodes[other].endpoints) as client:
            assert client.send(PutOnSale("guitar", units=units, price=99_00, pay_within_s=6.0)).ok
            orders = [f"order-{number}" for number in range(buyers)]
            sent(client, [PlaceOrder(order, article="guitar") for order in orders])

            def waiting() -> list[str]:
                sale = Sale(history(made, other))
                some = [order for order, status in sale.orders.items() if status == "reserved"]
                return some if len(some) == units else []

            held = until(waiting, 30)
            for order in held[:paying]:
                until(lambda order=order: client.send(Pay(payment_of(order))).ok, 20)  # type: ignore[misc]
            nodes[owner].kill()
            until(
                lambda: not [*Sale(history(made, other)).at_the_end()],
                40,
                "the shadow fires what is due",
            )
            until(lambda: outbox_of(made, other, "checkout") == 0, 20)
        sale = Sale(history(made, other))
        assert [*sale.broken, *sale.at_the_end()] == []
        assert sale.statuses()["expired"] == units - paying
        assert sale.statuses()["completed"] == paying


@pytest.mark.slow
def test_a_worker_runs_on_one_node_and_the_next_one_goes_on_where_it_stopped(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with cluster("tests.acceptance.errands:create", outside=tmp_path / "outside") as made:
        nodes = {name: made.start(name) for name in ("one", "two")}
        owner = made.settled()[0]
        other = next(name for name in nodes if name != owner)
        first, second = ([f"{time}-{number}" for number in range(50)] for time in ("first", "second"))
        with Client(nodes[other].endpoints) as client:
            sent(client, [Ask(name) for name in first])
            until(lambda: len(done(tmp_path)) == 50, 20)
            with pytest.raises(QueryRefused, match="runs on another node"):
                client.query("runner", "rounds_gone")
            until(lambda: dealt_with(made, owner, "runner"), 20)
            assert nodes[owner].stop() == 0
            sent(client, [Ask(name) for name in second])
            until(lambda: len(done(tmp_path)) == 100, 30)
            assert until(lambda: client.query("runner", "rounds_gone"), 20)
        lines = (tmp_path / "outside" / "done").read_text().splitlines()
        assert sorted(line.split()[0] for line in lines) == sorted(first + second)


@pytest.mark.smoke
def test_a_handler_that_ends_while_its_node_stops_is_not_run_again_by_the_next_node(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with cluster("tests.acceptance.errands:create", outside=outside) as made:
        nodes = {name: made.start(name) for name in ("one", "two")}
        owner = made.settled()[0]
        other = next(name for name in nodes if name != owner)
        with Client(nodes[other].endpoints) as client:
            sent(client, [Ask("parcel", text="wait")])
            until((outside / "begun-parcel").exists, 20)
            (outside / "begun-parcel").unlink()
            stopping = threading.Thread(target=nodes[owner].stop)
            stopping.start()
            until(lambda: made.owner(0) == other, 20)
            sent(client, [Ask("letter")])
            looks = looks_of(made, other, "runner")
            until(lambda: looks_of(made, other, "runner") > looks + 3, 20, "it would take what it may")
            (outside / "parcel").touch()
            until(lambda: "letter" in done(tmp_path), 30)
            stopping.join()
        lines = (outside / "done").read_text().splitlines()
        assert [line.split()[0] for line in lines] == ["parcel", "letter"]
        assert not (outside / "begun-parcel").exists()


@pytest.mark.smoke
def test_what_a_new_version_adds_begins_at_one_place_on_all_nodes(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    old, new = "tests.acceptance.late:before", "tests.acceptance.late:after"
    before, between, after, last = (
        [f"{time}-{n}" for n in range(10)] for time in ("before", "between", "after", "last")
    )
    with cluster(old, outside=outside) as made:
        nodes = {name: made.start(name) for name in ("one", "two")}
        owner = made.settled()[0]
        other = next(name for name in nodes if name != owner)
        with Client([nodes["one"].data, nodes["two"].data]) as client:
            sent(client, [Ask(name) for name in before])
            made.app = new
            assert nodes[other].stop() == 0
            made.start(other)
            sent(client, [Ask(name) for name in between])
            assert nodes[owner].stop() == 0
            made.start(owner)
            made.settled()
            sent(client, [Ask(name) for name in after])
            until(lambda: len(done(tmp_path)) == 20, 30)
            made.start("three")
            births = {
                name: read_birth(node.data / "managers" / "ender", 1) for name, node in made.nodes.items()
            }
            assert list(births.values()) == [Birth([10])] * 3
            until(lambda: [outbox_of(made, name, "ender") for name in made.nodes] == [0, 0, 0], 20)
            until(lambda: made.owner(0) and dealt_with(made, made.owner(0), "scribe"), 20)
            assert [made.nodes[name].stop() for name in ("one", "two")] == [0, 0]
        with Client(made.nodes["three"].data) as client:
            sent(client, [Ask(name) for name in last])
            until(lambda: dealt_with(made, "three", "scribe"), 30)
            until(lambda: outbox_of(made, "three", "ender") == 0, 20)
        ended = [
            one.aggregate for one in history(made, "three") if one.events[0]["type"] == "errand.finished"
        ]
        lines = (outside / "done").read_text().splitlines()
        assert sorted(ended) == sorted(line.split()[0] for line in lines) == sorted(between + after + last)
