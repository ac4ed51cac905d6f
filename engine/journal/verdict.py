"""What a start does with the journal that it finds. J: last sequence in it; W: last one stored with events.

    row  tail of the journal                                       W      verdict
    e    bad batch in a sealed segment, gap or repeat, wrong name  any    refuse
    c    bad batch and a valid one behind it                       any    refuse
    d    cut short: no power cut takes bytes or files away         any    refuse, unless lost ones are allowed
    d    any other                                                 W > J  refuse, unless lost ones are allowed
    b    bad batch, nothing valid behind it, last segment          W ≤ J  set aside, cut, flush, go
    a    clean end                                                 W ≤ J  go: replay W+1 … J

Why b may cut: a batch is written only after the one before it is durable, so a power cut can hurt the
last one only, and that one was not answered. W guards the other case: if events of a command are stored,
its batch *was* durable, and its absence is damage. The rows are data; the first that fits counts.
"""

from dataclasses import dataclass
from enum import Enum


class Tail(Enum):
    """How the journal ends, or where reading it has to end."""

    CLEAN = "clean end"
    TORN = "bad batch, nothing valid behind it, last segment"
    CORRUPT = "bad batch and a valid one behind it"
    LOST = "the last segment is shorter than it was made, or gone"
    BROKEN = "bad batch in a sealed segment, a gap or repeat, or a wrong name"


class Action(Enum):
    """What to do about it."""

    GO = "go"
    CUT = "set the torn bytes aside, cut them, flush, go"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `behind`: W > J must be so, must not be so, or does not matter (None)."""

    letter: str
    tails: frozenset[Tail]
    behind: bool | None
    action: Action
    allowed: Action | None  # the action if the operator allows lost commands
    meaning: str


TABLE = (
    Row("e", frozenset({Tail.BROKEN}), None, Action.REFUSE, None, "the journal is damaged"),
    Row("c", frozenset({Tail.CORRUPT}), None, Action.REFUSE, None, "the journal is damaged before its end"),
    Row("d", frozenset({Tail.LOST}), None, Action.REFUSE, Action.CUT, "the end of the journal is gone"),
    Row("d", frozenset({Tail.TORN}), True, Action.REFUSE, Action.CUT, "acknowledged commands are gone"),
    Row("d", frozenset({Tail.CLEAN}), True, Action.REFUSE, Action.GO, "acknowledged commands are gone"),
    Row("b", frozenset({Tail.TORN}), False, Action.CUT, None, "the last batch is torn"),
    Row("a", frozenset({Tail.CLEAN}), False, Action.GO, None, "the journal is whole"),
)


def verdict(tail: Tail, last_sequence: int, witness: int, allow_lost: bool = False) -> tuple[Row, Action]:
    """The row that fits, and what to do."""
    for row in TABLE:
        if tail in row.tails and row.behind in (None, witness > last_sequence):
            return row, row.allowed if allow_lost and row.allowed else row.action
    raise AssertionError("the table covers every case")  # pragma: no cover - the tests go through all
