"""The standing of a follower: is the log that it finds the one that it knew?

Beside its position in a partition a follower keeps the command whose commit stands there. After a restore
from an older copy, another command may come to stand at that position, or none.

    the store at that position    the verdict
    ------------------------------------------------------------------------------------------------------
    the same command              the same log: go on
    another command               another log
    nothing, for now              ahead: wait until the store has all that this start's journal gives. After a
                                  power cut LMDB may have undone its last transaction, which is replayed
    nothing, after that           another log
"""

from collections.abc import Callable, Sequence
from enum import IntEnum

from engine.store import Reader

Place = tuple[int, str]
"""(position, id of the command whose commit is there); an empty id where nothing is known"""


class Standing(IntEnum):
    """The verdict, the worst one last."""

    SAME = 0
    AHEAD = 1
    OTHER = 2


def standing(places: Sequence[Place], readers: Sequence[Reader]) -> Standing:
    """The verdict over all partitions."""
    return max(_standing(place, reader) for place, reader in zip(places, readers, strict=True))


def stands(
    places: Sequence[Place],
    readers: Sequence[Reader],
    settled: Callable[[], bool],
    wait: Callable[[], object],
) -> bool:
    """True if the log is the one that was known. `settled`: the stores have all that the journal gives;
    `wait` is called while they have not."""
    while True:
        was_settled = settled()  # before the look, since the store may grow in between
        found = standing(places, readers)
        if found is not Standing.AHEAD:
            return found is Standing.SAME
        if was_settled:
            return False
        wait()


def commands_at(positions: Sequence[int], known: Sequence[Place], readers: Sequence[Reader]) -> list[str]:
    """The ids of the commands at these positions. `known`: a place of each partition, which spares a look
    into the store where it is the one."""
    return [
        command if command and position == at else reader.command_at(position)
        for position, (at, command), reader in zip(positions, known, readers, strict=True)
    ]


def _standing(place: Place, reader: Reader) -> Standing:
    position, command = place
    if not position or not command:
        return Standing.SAME
    if reader.position() < position:
        return Standing.AHEAD
    return Standing.SAME if reader.command_at(position) == command else Standing.OTHER
