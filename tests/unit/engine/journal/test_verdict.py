import pytest

from engine.journal.verdict import TABLE, Tail, Verdict, judge

GO, CUT, REFUSE = Verdict.GO, Verdict.CUT, Verdict.REFUSE

# tail, J, W, row, what happens, what happens if the operator allows lost commands
CASES = [
    (Tail.CLEAN, 10, 10, "a", GO, GO),
    (Tail.CLEAN, 10, 3, "a", GO, GO),
    (Tail.CLEAN, 0, 0, "a", GO, GO),
    (Tail.TORN, 10, 10, "b", CUT, CUT),
    (Tail.TORN, 10, 0, "b", CUT, CUT),
    (Tail.CORRUPT, 10, 0, "c", REFUSE, REFUSE),
    (Tail.CORRUPT, 10, 10, "c", REFUSE, REFUSE),
    (Tail.CORRUPT, 10, 11, "c", REFUSE, REFUSE),
    (Tail.CLEAN, 10, 11, "d", REFUSE, GO),
    (Tail.TORN, 10, 11, "d", REFUSE, CUT),
    (Tail.LOST, 10, 0, "d", REFUSE, CUT),
    (Tail.LOST, 10, 11, "d", REFUSE, CUT),
    (Tail.BROKEN, 10, 0, "e", REFUSE, REFUSE),
    (Tail.BROKEN, 10, 10, "e", REFUSE, REFUSE),
    (Tail.BROKEN, 10, 11, "e", REFUSE, REFUSE),
]


@pytest.mark.parametrize(("tail", "j", "w", "letter", "verdict", "allowed"), CASES)
def test_each_row_of_the_table(
    tail: Tail, j: int, w: int, letter: str, verdict: Verdict, allowed: Verdict
) -> None:
    row, given = judge(tail, j, w)
    assert (row.letter, given) == (letter, verdict)
    assert judge(tail, j, w, allow_lost=True) == (row, allowed)


@pytest.mark.parametrize("tail", Tail)
@pytest.mark.parametrize("witness", [9, 10, 11])
def test_exactly_one_row_fits_every_case(tail: Tail, witness: int) -> None:
    fitting = [row for row in TABLE if tail in row.tails and row.store_ahead in (None, witness > 10)]
    assert [row.letter for row in fitting] == [judge(tail, 10, witness)[0].letter]


def test_every_row_has_a_case() -> None:
    met = {id(judge(tail, j, w)[0]) for tail, j, w, *_ in CASES}
    assert met == {id(row) for row in TABLE}


def test_only_lost_commands_can_be_allowed() -> None:
    assert {row.letter for row in TABLE if row.allowed} == {"d"}
