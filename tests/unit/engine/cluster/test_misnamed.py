"""A node that is to run workers, and is not there."""

from engine.cluster.misnamed import QUIET_S, Misnamed


def test_it_is_told_once_of_a_node_that_is_not_there_for_long() -> None:
    misnamed = Misnamed("carla")
    assert [misnamed.look({"anna"}, now) for now in (0.0, QUIET_S - 1, QUIET_S, QUIET_S + 1)] == [
        False,
        False,
        True,
        False,
    ]
    assert not misnamed.look({"anna", "carla"}, 20.0)
    assert not misnamed.look({"anna"}, 30.0)
    assert misnamed.look({"anna"}, 30.0 + QUIET_S)


def test_where_none_is_named_there_is_nothing_to_tell() -> None:
    misnamed = Misnamed("")
    assert not misnamed.look((), 0.0)
    assert not misnamed.look((), 100.0)
