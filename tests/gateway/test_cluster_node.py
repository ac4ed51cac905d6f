"""What `/api/node` says of a cluster."""

from typing import Any

import pytest

from tests.acceptance.clusters import cluster
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
