"""What a node finds wrong with the cluster that it sees."""

import pytest

from engine.node.cluster_view import MOST_LAG_S, ClusterView, NodeSeen, PartitionSeen, troubles_in

ALL_WELL: dict[str, object] = {"there": True, "ready": True, "lag_s": 0.0}


def view(owners: tuple[str, str] = ("anna", "berta"), **mine: object) -> ClusterView:
    """That of anna, beside whom berta is well."""
    nodes = [
        NodeSeen(name, "1.0", owns=[], positions=[5, 5], lag_events=0, conflicts=0, **{**ALL_WELL, **more})  # type: ignore[arg-type]
        for name, more in (("anna", mine), ("berta", {}))
    ]
    partitions = [PartitionSeen(number, owner, 1, 5) for number, owner in enumerate(owners)]
    return ClusterView("ringfold", "anna", 1, nodes, partitions)


@pytest.mark.parametrize(
    ("seen", "workers", "silent", "codes", "mine"),
    [
        (view(), "", 0, [], []),
        (view(), "berta", 0, [], []),
        (view(), "carla", 0, ["workers-nowhere"], []),
        (view(there=False), "carla", 2, ["cut-off"], ["cut-off"]),
        (view(), "", 1, ["servers-silent"], []),
        (view(), "", 2, ["servers-silent"], ["servers-silent"]),
        (view(lag_s=MOST_LAG_S), "", 0, [], []),
        (view(lag_s=MOST_LAG_S + 1, ready=False), "", 0, ["node-behind"], ["node-behind"]),
        (view(ready=False), "", 0, ["node-not-ready"], ["node-not-ready"]),
        (view(("", "berta")), "", 0, ["no-owner"], []),
    ],
)
def test_only_what_another_node_may_do_better_keeps_this_one_from_being_ready(
    seen: ClusterView, workers: str, silent: int, codes: list[str], mine: list[str]
) -> None:
    found = list(troubles_in(seen, workers=workers, silent=silent))
    assert [one.code for one in found] == codes
    assert [one.code for one in found if one.is_mine] == mine


def test_a_node_that_has_never_heard_itself_is_cut_off() -> None:
    seen = view()
    del seen.nodes[0]
    assert [one.code for one in troubles_in(seen, workers="", silent=0)] == ["cut-off"]
