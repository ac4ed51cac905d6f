"""The fold: order, gaps, failures, dead letters, restarts: for a view in a table and for one of its own."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import Commit, Projection, on, query
from engine.base.errors import InvariantBroken, NoSpace
from engine.follow import fold
from engine.follow.dead_letters import MOST_ATTEMPTS, DeadLetter
from tests.unit.engine.follow.kit import KINDS, Following, InAttributes, Log, Raised, Trouble


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture(params=KINDS)
def view(request: Any, log: Log, tmp_path: Path) -> Iterator[Following]:
    following = Following(log, tmp_path, request.param)
    yield following
    following.fold.close()


def test_what_the_doorbell_brings_is_taken_in_once_whatever_comes_twice(view: Following, log: Log) -> None:
    first, second = log.append("a", "b"), log.append("a")
    for record in (first, first, second, first, second):
        view.fold.accept(0, *record)
    assert view.shown() == {"a": [3, [1, 2]], "b": [1, [1]]}
    assert view.fold.positions == [3]


def test_a_record_that_overlaps_what_is_known_brings_only_what_is_new(view: Following, log: Log) -> None:
    log.append("a", "a", "a")
    view.fold.catch_up(0, most=1)
    log.append("a")
    entries = [entry for _, entry in log.reader.entries()]
    view.fold.accept(0, 1, 4, msgspec.json.encode((1, entries)))
    assert view.shown() == {"a": [10, [1, 2, 3, 4]]}


def test_a_gap_is_filled_from_the_store_before_what_comes_after_it(view: Following, log: Log) -> None:
    log.append("a")
    log.append("a")
    view.fold.accept(0, *log.append("a"))
    assert view.shown() == {"a": [6, [1, 2, 3]]}


def test_a_beat_brings_what_was_never_rung_and_nothing_else(view: Following, log: Log) -> None:
    log.append("a")
    log.append("a")
    for beat in ((1, 0), (3, 2), (3, 2), (2, 1), (9, 8)):  # the last one is ahead of the store
        view.fold.accept(0, *beat, b"")
    assert view.shown() == {"a": [3, [1, 2]]}
    assert not view.fold.has_gap


def test_what_comes_before_its_predecessor_is_stored_waits_for_it(
    view: Following, log: Log, tmp_path: Path
) -> None:
    elsewhere = Log(tmp_path / "elsewhere")  # its records have not come to the store that the view reads
    one, two, three = (elsewhere.append("a") for _ in range(3))
    view.fold.accept(0, *one)
    view.fold.accept(0, *three)
    assert view.shown() == {"a": [1, [1]]}
    assert view.fold.has_gap
    view.fold.accept(0, *two)
    assert view.shown() == {"a": [6, [1, 2, 3]]}
    assert not view.fold.has_gap


def test_events_delivered_in_any_order_are_handled_in_theirs(
    view: Following, tmp_path: Path
) -> None:
    elsewhere = Log(tmp_path / "elsewhere")
    records = [elsewhere.append("a", "b") for _ in range(5)]
    for number in (4, 2, 2, 0, 3, 1, 4):
        view.fold.accept(0, *records[number])
    assert view.shown() == {"a": [15, [1, 2, 3, 4, 5]], "b": [15, [1, 2, 3, 4, 5]]}


def test_a_failing_handler_is_put_back_and_holds_only_its_own_aggregate(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 2)}
    view.fold.accept(0, *log.append("a", "b", "a", "b"))
    view.fold.accept(0, *log.append("a", "b"))
    assert view.shown() == {"a": [1, [1]], "b": [6, [1, 2, 3]]}
    assert view.fold.positions == [6]


@pytest.mark.parametrize("failing", [set(), {("b", 1)}, {("a", 3)}], ids=["none", "one within", "the last"])
def test_what_is_saved_names_the_command_at_its_position(
    view: Following, log: Log, failing: set[tuple[str, int]]
) -> None:
    view.trouble.at = failing
    view.fold.accept(0, *log.append("a", "b"))
    view.fold.accept(0, *log.append("a", "a"))
    view.fold.save(force=True)
    assert view.fold.view.commands == [log.reader.command_at(4)] != [""]


def test_a_save_does_not_read_again_what_was_applied(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.trouble.at = {("c", 1)}
    view.fold.accept(0, *log.append("a", "b"))
    view.fold.accept(0, *log.append("c"))
    view.fold.accept(0, *log.append("a", "c"))
    view.fold.save()
    monkeypatch.delattr("engine.store.Reader.command_at")
    view.fold.save(force=True)
    view.trouble.at.clear()
    view.fold.accept(0, *log.append("b"))
    view.fold.save(force=True)


def test_what_was_held_is_taken_in_once_a_retry_succeeds(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 2)}
    view.fold.accept(0, *log.append("a", "a", "b", "a"))
    view.trouble.at.clear()
    assert not view.fold.retry_due()
    view.wait()
    assert view.shown() == {"a": [6, [1, 2, 3]], "b": [1, [1]]}
    assert not view.fold.dead_letters
    view.reopen()
    assert view.shown() == {"a": [6, [1, 2, 3]], "b": [1, [1]]}


def test_what_may_not_go_on_yet_stays_set_aside_and_is_tried_again_soon(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "a"))
    view.trouble.at.clear()
    with monkeypatch.context() as waiting:
        waiting.setattr(view.fold.target, "apply", lambda *_: 0)
        view.now += view.patience
        assert view.fold.retry_due()
    assert view.patience == pytest.approx(fold.WAIT_S)
    view.wait()
    assert view.shown() == {"a": [3, [1, 2]]}


def test_retries_back_off_twice_as_long_each_time_and_end(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a"))
    waits = []
    while (patience := view.patience) != float("inf"):
        waits.append(round(patience, 3))
        view.now += patience
        view.fold.retry_due()
    assert waits == [0.05, 0.1, 0.2, 0.4]
    assert view.trouble.attempts == MOST_ATTEMPTS
    (letter,) = view.fold.dead_letters
    assert letter.dead
    assert (letter.aggregate, letter.version, letter.position) == ("a", 1, 1)
    assert letter.error == "ValueError: no luck with a"
    assert letter.where.startswith("strike, kit.py:")


def test_the_traceback_is_logged_once_and_the_end_in_one_line(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a"))
    view.wait()
    first, last = view.said
    assert "Traceback" in first
    assert "dead-letter list" in last
    assert "\n" not in last


def test_a_dead_letter_outlives_a_restart_with_everything_it_holds(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 2)}
    view.fold.accept(0, *log.append("a", "a", "b"))
    view.wait()
    view.fold.accept(0, *log.append("a", "b"))
    view.fold.save()
    attempts = view.trouble.attempts
    view.reopen()
    view.wait()
    assert view.shown() == {"a": [1, [1]], "b": [3, [1, 2]]}
    assert view.trouble.attempts == attempts, "a dead letter is not tried by itself"
    assert [position for position, _ in view.fold.held(next(iter(view.fold.dead_letters)))] == [2, 4]
    view.trouble.at.clear()
    assert view.fold.retry("a") is None
    assert view.shown() == {"a": [6, [1, 2, 3]], "b": [3, [1, 2]]}


def test_an_unsaved_failure_is_found_again_after_a_kill(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "b"))
    view.reopen()
    view.fold.poll()
    assert view.shown() == {"b": [1, [1]]}
    assert [letter.aggregate for letter in view.fold.dead_letters] == ["a"]


def test_dropping_passes_over_the_commit_and_takes_in_what_was_held(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "a", "a"))
    view.wait()
    assert view.fold.drop("a") is None
    assert view.shown() == {"a": [5, [2, 3]]}
    view.reopen()
    view.fold.poll()
    assert view.shown() == {"a": [5, [2, 3]]}


def test_dropping_stops_at_the_next_commit_that_fails(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1), ("a", 3)}
    view.fold.accept(0, *log.append("a", "a", "a", "a"))
    view.wait()
    left = view.fold.drop("a")
    assert left is not None
    assert (left.version, left.attempts, left.dead) == (3, 1, False)
    assert view.shown() == {"a": [2, [2]]}


def test_a_retry_that_comes_further_and_fails_again_keeps_what_it_took_in(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 2), ("a", 4)}
    view.fold.accept(0, *log.append("a", "a", "a", "a", "b"))
    view.trouble.at = {("a", 4)}
    view.wait()
    assert view.shown() == {"a": [6, [1, 2, 3]], "b": [1, [1]]}
    view.reopen()
    assert view.shown() == {"a": [6, [1, 2, 3]], "b": [1, [1]]}
    assert [letter.version for letter in view.fold.dead_letters] == [4]


def test_a_retry_that_fails_at_once_reads_none_of_what_is_held(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.trouble.at = {("a", 1)}
    for _ in range(50):
        view.fold.accept(0, *log.append("a"))
    read, held = set[int](), view.fold.held

    def noted(letter: DeadLetter) -> Iterator[tuple[int, Any]]:
        for position, commit in held(letter):
            read.add(position)
            yield position, commit

    monkeypatch.setattr(view.fold, "held", noted)
    view.wait()
    assert read == {1}, "of a million commits that are held each attempt would make a million objects"
    view.trouble.at.clear()
    view.fold.retry("a")
    assert view.shown() == {"a": [sum(range(51)), list(range(1, 51))]}


def test_a_reload_takes_in_again_what_was_not_saved_and_nothing_twice(view: Following, log: Log) -> None:
    for _ in range(3):
        view.fold.accept(0, *log.append("a", "b", "c"))
    view.fold.save()
    view.trouble.at = {("b", 5)}
    for _ in range(3):
        view.fold.accept(0, *log.append("a", "b", "c"))
    assert view.shown() == {
        "a": [21, [1, 2, 3, 4, 5, 6]],
        "b": [10, [1, 2, 3, 4]],
        "c": [21, [1, 2, 3, 4, 5, 6]],
    }


def test_many_aggregates_may_fail_in_one_record(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1), ("b", 2), ("c", 1)}
    view.fold.accept(0, *log.append("a", "b", "c", "b", "d", "a"))
    assert view.shown() == {"b": [1, [1]], "d": [1, [1]]}
    view.trouble.at.clear()
    view.wait()
    assert view.shown() == {"a": [3, [1, 2]], "b": [3, [1, 2]], "c": [1, [1]], "d": [1, [1]]}


def test_what_fails_only_when_it_is_taken_in_again_is_set_aside_too(view: Following, log: Log) -> None:
    view.fold.accept(0, *log.append("a", "b"))
    view.trouble.at = {("a", 1), ("b", 2)}
    view.fold.accept(0, *log.append("b", "a"))
    aside = {letter.aggregate: letter.version for letter in view.fold.dead_letters}
    again = {"a": 1} if view.kind is InAttributes else {}  # loaded anew, it comes past the first of a again
    assert aside == {"b": 2, **again}
    view.trouble.at.clear()
    view.wait()
    assert view.shown() == {"a": [3, [1, 2]], "b": [3, [1, 2]]}


def test_without_room_everything_is_told_again_at_the_next_save(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "b"))

    def no_room(*_: Any) -> None:
        raise NoSpace("the view has no room")

    with monkeypatch.context() as patch:
        patch.setattr(view.fold.view, "save", no_room)
        with pytest.raises(NoSpace):
            view.fold.save()
        view.trouble.at = {("b", 2)}
        view.wait()  # a is taken in; what it saves finds no room either
        view.fold.accept(0, *log.append("a", "b"))
    assert view.shown() == {"a": [3, [1, 2]], "b": [1, [1]]}
    view.fold.save()
    view.reopen()
    assert view.shown() == {"a": [3, [1, 2]], "b": [1, [1]]}
    assert [letter.aggregate for letter in view.fold.dead_letters] == ["b"]


def test_a_bug_of_the_engine_is_not_set_aside(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(commit: Any) -> None:
        raise InvariantBroken("never")

    monkeypatch.setattr(view.trouble, "strike", broken)
    with pytest.raises(InvariantBroken):
        view.fold.accept(0, *log.append("a"))


def test_an_aggregate_that_is_not_set_aside_can_be_neither_retried_nor_dropped(view: Following) -> None:
    with pytest.raises(KeyError):
        view.fold.retry("a")
    with pytest.raises(KeyError):
        view.fold.drop("a")


def test_a_handler_that_fails_on_everything_stops_the_view_and_not_its_memory(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MOST_ASIDE", 5)
    monkeypatch.setattr(fold, "MOST_ASIDE_LOADED", 3)
    most = 3 if view.kind is InAttributes else 5
    names = [f"n{number}" for number in range(8)]
    view.trouble.at = {(name, 1) for name in names}
    view.fold.accept(0, *log.append(*names))
    view.fold.accept(0, *log.append("fine"))
    view.fold.poll()
    assert len(view.fold.dead_letters) == most
    assert view.fold.positions == [most]
    assert sum("Traceback" in text for text in view.said) == 1, "one traceback for all that fail alike"
    assert f"{most} aggregates are set aside" in view.said[-1]
    view.wait()
    view.reopen()
    assert view.fold.positions == [most]
    view.trouble.at.clear()
    for name in names[:most]:
        view.fold.retry(name)
    view.fold.poll()
    assert view.shown() == {name: [1, [1]] for name in (*names, "fine")}


def test_a_view_that_saves_nothing_is_built_anew_at_every_start(log: Log, tmp_path: Path) -> None:
    view = Following(log, tmp_path, Forgetful)
    view.fold.accept(0, *log.append("a", "b"))
    view.fold.save()
    view.reopen()
    assert view.fold.positions == [0]
    view.fold.poll()
    view.trouble.at = {("a", 2)}
    view.fold.accept(0, *log.append("a", "b"))
    assert view.shown() == {"a": [1, [1]], "b": [3, [1, 2]]}
    view.fold.close()


class Forgetful(Projection):
    """Keeps in attributes what it never saves."""

    def __init__(self, trouble: Trouble) -> None:
        self._inner = InAttributes(trouble)

    @on(Raised)
    def raised(self, event: Raised, commit: Commit) -> None:
        self._inner.raised(event, commit)

    @query
    def all(self) -> dict[str, Any]:
        return self._inner.all()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_lost_repeated_killed_and_fails_each_commit_counts_once_and_in_order(
    view: Following, log: Log, seed: int
) -> None:
    draw = random.Random(seed)
    names = "abcdef"
    rung: list[tuple[int, int, bytes]] = []
    told: dict[str, int] = dict.fromkeys(names, 0)
    for _ in range(60):
        several = draw.choices(names, k=draw.randint(1, 5))
        rung.append(log.append(*several))
        for name in several:
            told[name] += 1
        view.trouble.at = {(name, draw.randint(1, told[name] + 1)) for name in names if draw.random() < 0.3}
        for record in draw.sample(rung[-6:], k=draw.randint(0, min(4, len(rung)))):
            view.fold.accept(0, *record)
        _check_order(view.shown())
        match draw.randint(0, 9):
            case 0:
                view.reopen()
            case 1 | 2 | 3:
                view.fold.save()
            case 4 | 5:
                view.now += draw.random()
                view.fold.retry_due()
            case 6:
                view.fold.poll()
    view.trouble.at.clear()
    view.fold.poll()
    for letter in list(view.fold.dead_letters):
        view.fold.retry(letter.aggregate)
    expected = {name: [sum(range(n + 1)), list(range(1, n + 1))] for name, n in told.items() if n}
    assert view.shown() == expected
    view.reopen()
    view.fold.poll()
    assert view.shown() == expected


def _check_order(shown: dict[str, Any]) -> None:
    for name, (_, versions) in shown.items():
        assert versions == list(range(1, len(versions) + 1)), name


def test_an_event_that_does_not_fit_holds_its_own_aggregate_and_is_named(view: Following, log: Log) -> None:
    wrong: Any = 7 / 2
    view.fold.accept(0, *log.append_commits(("b", None), ("a", None), ("a", [Raised(wrong)]), ("b", None)))
    view.fold.accept(0, *log.append("a", "b"))
    assert view.shown() == {"a": [1, [1]], "b": [6, [1, 2, 3]]}
    assert view.fold.positions == [6]
    (letter,) = view.fold.dead_letters
    assert (letter.aggregate, letter.position, letter.events) == ("a", 3, ["counter.raised"])
    assert "Expected `int`, got `float` - at `$.by`" in letter.error
    assert "give the class a new version and an upcaster" in letter.error


def test_what_cannot_be_read_is_retried_dropped_and_kept_like_any_other(view: Following, log: Log) -> None:
    wrong: Any = "1"
    view.fold.accept(0, *log.append_commits(("a", None), ("a", [Raised(wrong)]), ("a", None), ("b", None)))
    view.trouble.at = {("b", 2)}  # a view of its own is loaded again, over what cannot be read
    view.fold.accept(0, *log.append("b", "c"))
    view.trouble.at.clear()
    view.wait()
    assert view.shown() == {"a": [1, [1]], "b": [3, [1, 2]], "c": [1, [1]]}
    assert [letter.dead for letter in view.fold.dead_letters] == [True]
    view.fold.save()
    view.reopen()
    assert view.fold.retry("a") is not None
    assert view.fold.drop("a") is None
    assert view.shown()["a"] == [4, [1, 3]]
    view.reopen()
    assert view.shown() == {"a": [4, [1, 3]], "b": [3, [1, 2]], "c": [1, [1]]}


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("not \ud800 a text"), "ValueError: not \\ud800 a text"),
        (Silent(), "Silent: its text cannot be made: ValueError"),
    ],
)
def test_an_error_whose_text_cannot_be_stored_holds_its_aggregate_and_not_the_view(
    view: Following, log: Log, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    def strike(commit: Commit) -> None:
        if commit.aggregate == "a":
            raise error

    monkeypatch.setattr(view.trouble, "strike", strike)
    view.fold.accept(0, *log.append("a", "b"))
    view.fold.save()
    view.reopen()
    assert view.shown()["b"] == [1, [1]]
    (letter,) = view.fold.dead_letters
    assert letter.error == text
