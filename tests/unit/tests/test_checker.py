"""The checker is tested by what it must catch."""

from typing import Any

from engine.model.commit import Commit
from tests.checker import UNKNOWN, Attempt, check
from tests.model import Document

RUN = "G1/2026-01-01"
OPENED = {
    "type": "run.opened",
    "stops": [["a", 0, 0], ["b", 1, 1], ["c", 2, 2], ["d", 3, 3]],
    "coaches": [[1, "O", 3]],
}


def opening() -> tuple[Document, Commit]:
    return {"type": "run.open", "aggregate": RUN, "id": "00"}, Commit(RUN, 1, "00", 1, 1, [OPENED])


def reserve(n: int, board: str, alight: str, seat: int, gap: tuple[int, int]) -> tuple[Document, Commit]:
    command = {
        "type": "seats.reserve",
        "aggregate": RUN,
        "id": f"{n:02d}",
        "order": f"o{n}",
        "seat_class": "O",
        "board": board,
        "alight": alight,
        "passengers": ["p"],
    }
    event = {
        "type": "seats.reserved",
        "order": f"o{n}",
        "seat_class": "O",
        "board": "abcd".index(board),
        "alight": "abcd".index(alight),
        "seats": [[seat, *gap]],
    }
    return command, Commit(RUN, n, f"{n:02d}", n, n, [event])


GOOD = [
    opening(),
    reserve(2, "a", "b", 0, (0, 3)),
    reserve(3, "b", "c", 0, (1, 3)),
    reserve(4, "a", "d", 1, (0, 3)),
]


def verdict(
    story: list[tuple[Document, Commit]],
    attempts: list[Attempt] | None = None,
    log: list[Commit] | None = None,
) -> list[str]:
    kept = [commit for _, commit in story] if log is None else log
    ids = [command["id"] for command, _ in story]
    made = (
        [Attempt(id, n, n + 0.5, "committed") for n, id in enumerate(ids)] if attempts is None else attempts
    )
    journal = [{"sequence": n, "time_ns": n, "command": command} for n, (command, _) in enumerate(story, 1)]
    return check(made, {0: list(enumerate(kept, 1))}, journal)


def only(broken: list[str], *words: str) -> bool:
    return bool(broken) and all(word in " ".join(broken) for word in words)


def test_a_kept_promise_is_no_complaint() -> None:
    assert verdict(GOOD) == []


def test_an_unknown_command_may_be_stored_or_not() -> None:
    unknown = [Attempt(command["id"], 0, 9, UNKNOWN) for command, _ in GOOD]
    assert verdict(GOOD, unknown) == []
    assert verdict(GOOD[:3], unknown) == []


def test_a_lost_acknowledged_command_is_caught() -> None:
    attempts = [Attempt(command["id"], n, n + 0.5, "committed") for n, (command, _) in enumerate(GOOD)]
    assert only(verdict(GOOD[:3], attempts), "04", "not in the journal")


def test_a_seat_sold_twice_is_caught() -> None:
    assert only(verdict([*GOOD[:2], reserve(3, "a", "c", 0, (0, 3))]), "sold twice")


def test_a_seat_that_is_not_the_best_fit_is_caught() -> None:
    assert only(verdict([*GOOD[:2], reserve(3, "b", "c", 2, (0, 3))]), "best fit")


def test_a_wrong_gap_is_caught() -> None:
    assert only(verdict([*GOOD[:2], reserve(3, "b", "c", 0, (1, 2))]), "gap")


def test_a_command_with_two_effects_is_caught() -> None:
    twice = Commit(RUN, 5, "04", 5, 5, GOOD[3][1].events)
    assert only(verdict(GOOD, log=[*(commit for _, commit in GOOD), twice]), "committed twice")


def test_a_gap_in_versions_is_caught() -> None:
    commit = GOOD[3][1]
    late = Commit(RUN, 7, commit.command, commit.sequence, commit.time_ns, commit.events)
    assert only(verdict([*GOOD[:3], (GOOD[3][0], late)]), "version 7 after 3")


def test_two_different_answers_to_one_id_are_caught() -> None:
    attempts = [Attempt(c["id"], n, n + 0.5, "committed", (n,)) for n, (c, _) in enumerate(GOOD)]
    again: list[Any] = [Attempt("04", 8, 9, "committed", (99,))]
    assert only(verdict(GOOD, attempts + again), "04", "answered")


def test_a_rejection_of_what_fits_is_caught() -> None:
    attempts = [Attempt(c["id"], n, n + 0.5, "committed") for n, (c, _) in enumerate(GOOD[:3])]
    refused = Attempt("04", 8, 9, "rejected", ("sold-out",))
    assert only(verdict(GOOD, [*attempts, refused], log=[c for _, c in GOOD[:3]]), "expected committed")


def test_an_event_that_was_not_asked_for_is_caught() -> None:
    attempts = [Attempt(c["id"], n, n + 0.5, "committed") for n, (c, _) in enumerate(GOOD[:3])]
    assert only(verdict(GOOD, attempts), "never sent")


def test_a_command_stored_before_one_that_was_answered_earlier_is_caught() -> None:
    attempts = [Attempt(c["id"], 10 - n, 10.5 - n, "committed") for n, (c, _) in enumerate(GOOD)]
    assert only(verdict(GOOD, attempts), "stored before it")
