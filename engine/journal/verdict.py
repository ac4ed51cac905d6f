"""The verdict on a journal: what a start does with it. J: its last sequence; W: the last one in the event
store.

    row  tail of the journal                                       W      verdict
    e    bad batch in a sealed segment, gap or repeat, wrong name  any    refuse
    c    bad batch and a valid one after it                        any    refuse
    d    cut short: no power cut takes bytes or files away         any    refuse, unless lost ones are allowed
    d    any other                                                 W > J  refuse, unless lost ones are allowed
    b    bad batch, nothing valid after it, last segment           W ≤ J  set aside, cut, flush, go
    a    clean end                                                 W ≤ J  go, and replay W+1 … J

Row b may cut because a batch is written only after the one before it is durable. So a power cut can hurt only
the last batch, and that one had not been answered. W guards the other case: if events of a command are
stored, its batch *was* durable, and its absence is damage. The rows are data, and the first that fits
applies.
"""

from dataclasses import dataclass
from enum import Enum


class Tail(Enum):
    """How the journal ends, or why reading it has to end."""

    CLEAN = "clean end"
    TORN = "bad batch, nothing valid after it, last segment"
    CORRUPT = "bad batch and a valid one after it"
    LOST = "the last segment is shorter than it was made, or gone"
    BROKEN = "bad batch in a sealed segment, a gap or repeat, or a wrong name"


class Verdict(Enum):
    """What the start does."""

    GO = "go"
    CUT = "set the torn bytes aside, cut them, flush, go"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `store_ahead`: W > J must hold, must not hold, or does not matter (None)."""

    letter: str
    tails: frozenset[Tail]
    store_ahead: bool | None
    verdict: Verdict
    allowed: Verdict | None  # the verdict if the operator allows lost commands
    meaning: str


TABLE = (
    Row("e", frozenset({Tail.BROKEN}), None, Verdict.REFUSE, None, "the journal is damaged"),
    Row("c", frozenset({Tail.CORRUPT}), None, Verdict.REFUSE, None, "the journal is damaged before its end"),
    Row("d", frozenset({Tail.LOST}), None, Verdict.REFUSE, Verdict.CUT, "the end of the journal is gone"),
    Row("d", frozenset({Tail.TORN}), True, Verdict.REFUSE, Verdict.CUT, "acknowledged commands are gone"),
    Row("d", frozenset({Tail.CLEAN}), True, Verdict.REFUSE, Verdict.GO, "acknowledged commands are gone"),
    Row("b", frozenset({Tail.TORN}), False, Verdict.CUT, None, "the last batch is torn"),
    Row("a", frozenset({Tail.CLEAN}), False, Verdict.GO, None, "the journal is whole"),
)


def judge(tail: Tail, last_sequence: int, witness: int, allow_lost: bool = False) -> tuple[Row, Verdict]:
    """The row that fits, and its verdict."""
    for row in TABLE:
        if tail in row.tails and row.store_ahead in (None, witness > last_sequence):
            return row, row.allowed if allow_lost and row.allowed else row.verdict
    raise AssertionError("the table covers every case")  # pragma: no cover - the tests go through all
