"""What `/api/node` says of a cluster."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.clusters import cluster
from tests.acceptance.kit import ringfold
from tests.deadline import until
from tests.gateway.http import Http
from tests.gateway.parcels import APP


@pytest.mark.smoke
def test_a_node_of_a_cluster_tells_over_http_who_is_there_and_who_owns_what() -> None:
    with cluster(APP, partitions=2) as made:
        node = made.start("one", http="127.0.0.1:0")
        http = Http(node.endpoints.http)

        def owned() -> bool:
            told: dict[str, Any] | None = http.get("/api/node").json["cluster"]
            return told is not None and [one["owner"] for one in told["partitions"]] == ["one", "one"]

        until(owned, 30, "the node owns both partitions")
        assert http.send("parcel.send", "told", sender="ann").status == 200

        def told_of_it() -> bool:
            positions: list[int] = [
                one["position"] for one in http.get("/api/node").json["cluster"]["partitions"]
            ]
            return sum(positions) > 0

        until(told_of_it, 30, "the position is told")
        told = http.get("/api/node").json["cluster"]
        assert told["node"] == "one"
        assert [one["term"] for one in told["partitions"]] == [1, 1]
        (mine,) = told["nodes"]
        assert (mine["node"], mine["there"], mine["owns"], mine["conflicts"]) == ("one", True, [0, 1], 0)


def test_a_node_that_is_alone_tells_of_no_cluster(http: Http) -> None:
    assert http.get("/api/node").json["cluster"] is None


@pytest.mark.smoke
def test_a_node_is_ready_only_while_it_reaches_the_servers(tmp_path: Path) -> None:
    errands = "tests.acceptance.errands:create"
    with cluster(errands, outside=tmp_path) as made:
        node = made.start("one", http="127.0.0.1:0", cluster_workers="nobody")
        http = Http(node.endpoints.http)
        flags = ("--data", str(node.data), "--json")

        def reasons() -> list[str]:
            return list(http.get("/health/ready").json["reasons"])

        until(lambda: made.owner(0), 20)
        until(lambda: reasons() == [], 20, "a worker that stands by is no reason")
        until(lambda: "cluster.workers-nowhere" in (made.folder / "one.log").read_text(), 30)
        assert [one["code"] for one in made.ringfold("status", code=75)["diagnostics"]] == ["workers-nowhere"]
        said = ringfold("health", *flags)
        assert (said.returncode, "cluster_workers names nobody" in said.stdout) == (1, True), said.stdout
        assert node.page is not None
        os.kill(node.page.slot("input").pid, signal.SIGSTOP)
        until(lambda: "input does not answer" in reasons(), 10)
        os.kill(node.page.slot("input").pid, signal.SIGCONT)
        until(lambda: reasons() == [], 20)
        made.servers.kill(0)
        until(lambda: "this node does not reach the NATS servers" in reasons(), 30)
        assert http.get("/health/ready").status == 503
        assert ringfold("health", *flags).returncode == 2
        made.servers.start(0)
        until(lambda: reasons() == [], 60, "it is back by itself")
