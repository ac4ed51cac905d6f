"""Clients outlive their nodes: killed or stopped, and started again at other endpoints."""

import asyncio
from pathlib import Path

import pytest

from engine import AsyncClient, Client, Subscriber
from tests.acceptance.kit import VIEW, open_run, railway, reserve


@pytest.mark.parametrize(
    "kill", [True, pytest.param(False, marks=pytest.mark.smoke)], ids=["killed", "stopped"]
)
def test_clients_find_a_restarted_node_again(tmp_path: Path, kill: bool) -> None:
    data = tmp_path / "data"

    async def story() -> None:
        first = railway(data).start()
        with Client(data) as client:
            async with AsyncClient(first.endpoints) as other:
                assert client.send(open_run(1)).ok
                assert (await other.send(open_run(2))).ok
                assert client.query(VIEW, "totals") == await other.query(VIEW, "totals")
                if kill:
                    first.kill()
                else:
                    first.stop()
                with railway(data) as second:
                    assert second.endpoints.commands != first_commands(other)
                    assert client.send(reserve(1, "a"), timeout_s=30).ok
                    assert (await other.send(reserve(2, "b"), timeout_s=30)).ok
                    receipt = client.send(reserve(1, "c"), wait=f"projected:{VIEW}", timeout_s=30)
                    assert receipt.view_ready
                    assert client.query(VIEW, "totals") == await other.query(VIEW, "totals")

    asyncio.run(story())


def first_commands(client: AsyncClient) -> str:
    return client._address.commands


def test_a_closed_subscriber_moves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with railway(data) as node, Client(node.endpoints) as client:
        assert client.send(open_run(1)).ok
        for number in range(18):
            assert client.send(reserve(1, f"order-{number}")).ok
        name = "seats.reserved"
        with Subscriber(data, "mail", [name]) as first:
            taken = first.take(5.0)
            name = taken[0].type
        with pytest.raises(RuntimeError, match="closed"):
            first.ack()
        with pytest.raises(RuntimeError, match="closed"):
            first.take(0.0)
        with Subscriber(data, "mail", [name]) as second:
            assert second.take(5.0) == taken
