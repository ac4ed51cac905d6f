"""What a view answers besides its own queries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.follow.questions import Questions, Refused
from tests.unit.engine.follow.kit import Following, InTable, Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture
def view(log: Log, tmp_path: Path) -> Iterator[Following]:
    following = Following(log, tmp_path, InTable)
    yield following
    following.fold.close()


def ask(view: Following, query: str, **args: Any) -> Any:
    questions = Questions(view.fold, wall=lambda: 3_000_001_002)
    return msgspec.json.decode(questions.answer(query, msgspec.json.encode(args)))


def test_its_own_queries_and_its_positions(view: Following, log: Log) -> None:
    view.fold.accept(0, *log.append("a"))
    assert ask(view, "all") == {"a": [1, [1]]}
    assert ask(view, "positions") is None
    assert Questions(view.fold).positions is view.fold.positions


def test_lag_is_in_events_and_in_seconds_since_the_oldest_of_them(view: Following, log: Log) -> None:
    view.fold.accept(0, *log.append("a"))
    assert ask(view, "lag") == {"0": {"events": 0, "seconds": 0.0}}
    log.append("a", "a")  # the first of them at 1,002 ns
    assert ask(view, "lag") == {"0": {"events": 2, "seconds": 3.0}}


def test_a_dead_letter_is_shown_with_what_waits_for_it(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "b", "a", "a"))
    view.wait()
    (letter,) = ask(view, "dead-letters")
    assert {name: letter[name] for name in ("aggregate", "version", "position", "waiting", "dead")} == {
        "aggregate": "a",
        "version": 1,
        "position": 1,
        "waiting": 2,
        "dead": True,
    }
    assert letter["events"] == ["counter.raised"]
    assert "no luck" in letter["error"]


def test_retry_answers_with_what_is_left(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1), ("b", 1)}
    view.fold.accept(0, *log.append("a", "b"))
    view.trouble.at = {("b", 1)}
    assert [letter["aggregate"] for letter in ask(view, "dead-letter-retry")] == ["b"]
    assert ask(view, "all") == {"a": [1, [1]]}
    view.trouble.at.clear()
    assert ask(view, "dead-letter-retry", aggregate="b") == []


def test_drop_passes_over_one_commit(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append("a", "a"))
    assert ask(view, "dead-letter-drop", aggregate="a") == []
    assert ask(view, "all") == {"a": [2, [2]]}


@pytest.mark.parametrize(
    ("query", "args", "code"),
    [
        ("no-such", {}, "unknown-query"),
        ("dead-letter-retry", {"aggregate": "nobody"}, "not-set-aside"),
        ("dead-letter-drop", {}, "malformed"),
        ("lag", {"more": 1}, "malformed"),
        ("rebuild", {}, "unknown-query"),  # who is no view cannot be built again
    ],
)
def test_what_cannot_be_answered_is_refused_by_code(
    view: Following, query: str, args: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        ask(view, query, **args)
    assert refused.value.code == code


def test_what_can_be_asked_and_arguments_that_were_typed(view: Following, log: Log) -> None:
    view.fold.accept(0, *log.append("a"))
    assert ask(view, "queries") == {"all": {"arguments": [], "answer": "dict[str, Any]"}}
    questions = Questions(view.fold)
    assert questions.answer("all", b"{}", {}) == questions.answer("all", b"{}")
    with pytest.raises(Refused, match="unknown field `much`; all takes no arguments"):
        questions.answer("all", b"{}", {"much": "1"})


@pytest.mark.parametrize("hostile", [b'{"aggregate":"\xff"}', b'{"x":' + b"[" * 9_999 + b"]" * 9_999 + b"}"])
def test_arguments_that_do_not_decode_are_malformed(view: Following, hostile: bytes) -> None:
    with pytest.raises(Refused) as refused:
        Questions(view.fold).answer("dead-letter-drop", hostile)
    assert refused.value.code == "malformed"


def test_a_typed_text_that_nests_without_end_is_malformed(view: Following) -> None:
    with pytest.raises(Refused) as refused:
        Questions(view.fold).answer("dead-letter-drop", b"{}", {"x": "[" * 50_000 + "]" * 50_000})
    assert refused.value.code == "malformed"
