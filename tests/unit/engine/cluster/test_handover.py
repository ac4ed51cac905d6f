"""How far a worker has come, of two notes about it."""

from engine.cluster.handover import _Handed, further


def test_of_each_partition_the_one_that_is_further_counts() -> None:
    mine = _Handed([(5, 0), (9, 1)], ["a" * 32, "b" * 32])
    theirs = _Handed([(6, 2), (9, 0)], ["c" * 32, "d" * 32])
    assert further(mine, theirs) == further(theirs, mine) == _Handed([(6, 2), (9, 1)], ["c" * 32, "b" * 32])
