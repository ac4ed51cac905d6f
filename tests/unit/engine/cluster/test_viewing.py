"""What a node shows of the others, by their beats."""

from engine.cluster.membership import PATIENCE_S, Beat
from engine.cluster.viewing import FORGET_S, Viewing


def beat(node: str, positions: list[int], terms: dict[int, int] | None = None) -> Beat:
    return Beat(node, "life", "1.0", terms or {}, positions)


def test_owner_term_and_lag_follow_from_the_beats() -> None:
    viewing = Viewing("ringfold", "anna", 2)
    heard = {
        "anna": (10.0, beat("anna", [5, 7], {0: 3})),
        "berta": (10.0, beat("berta", [5, 2], {1: 1, 0: 2})),
    }
    viewing.look(heard, 1, 10.0)
    view = viewing.look(heard, 1, 10.5)
    assert [(one.owner, one.term, one.position) for one in view.partitions] == [
        ("anna", 3, 5),
        ("berta", 1, 7),
    ]
    assert [(one.node, one.lag_events, one.lag_s) for one in view.nodes] == [
        ("anna", 0, 0.0),
        ("berta", 5, 0.5),
    ]
    assert (view.owner_changes, view.node) == (1, "anna")
    heard["berta"] = (11.0, beat("berta", [5, 7]))
    assert [one.lag_s for one in viewing.look(heard, 1, 11.0).nodes] == [0.0, 0.0]


def test_a_node_that_is_silent_owns_nothing_and_is_forgotten_in_the_end() -> None:
    viewing = Viewing("ringfold", "anna", 1)
    heard = {"berta": (10.0, beat("berta", [5], {0: 1}))}
    view = viewing.look(heard, 0, 10.0 + PATIENCE_S)
    assert (view.partitions[0].owner, view.partitions[0].term) == ("", 0)
    assert [(one.node, one.there, one.owns) for one in view.nodes] == [("berta", False, [])]
    assert viewing.look(heard, 0, 10.0 + FORGET_S).nodes == []


def test_a_beat_of_another_number_of_partitions_is_shown_as_far_as_it_goes() -> None:
    view = Viewing("ringfold", "anna", 2).look({"old": (1.0, beat("old", []))}, 0, 1.0)
    assert [one.position for one in view.partitions] == [0, 0]
