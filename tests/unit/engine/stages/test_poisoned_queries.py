"""Queries that end their process are known by the life after, and refused alone."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from engine.base.log_codes import Code
from engine.follow.questions import Refused
from engine.stages.poisoned_queries import RETRY, PoisonedQueries, Watched, asked_of, read_suspects


class Death(BaseException):
    """The end of the process, as a query may bring it about."""


class Answers:
    def __init__(self) -> None:
        self.positions = [3]

    def answer(self, query: str, args: msgspec.Raw | bytes, texts: Mapping[str, str] | None = None) -> bytes:
        if query == "dies":
            raise Death
        if query == "raises":
            raise Refused("query-failed", "a bug")
        return b"1"


class Lives:
    """One follower, life after life."""

    def __init__(self, folder: Path) -> None:
        self.note, self.in_hand = folder / "failed" / "p.queries", folder / "p.query"
        self.mark, self.told = "one", list[str]()

    def begin(self) -> Watched:
        return PoisonedQueries(self.note, self.in_hand, self.mark, self.log).over(Answers())

    def die(self, query: str = "dies", args: bytes = b"{}") -> None:
        with pytest.raises(Death):
            self.begin().answer(query, args)

    def log(self, code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
        self.told.append(f"{code.text} {facts.get('query')}")


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    return Lives(tmp_path)


def code_of(answers: Watched, query: str, args: bytes = b"{}") -> str:
    try:
        answers.answer(query, args)
    except Refused as refused:
        return refused.code
    return ""


def test_a_query_at_which_the_process_died_twice_is_refused_and_others_are_answered(lives: Lives) -> None:
    lives.die()
    lives.die()
    life = lives.begin()
    assert code_of(life, "dies") == "poisoned"
    assert code_of(life, "lives") == ""
    assert lives.told == ["query.ended-process dies"] * 2
    assert [one.deaths for one in read_suspects(lives.note).queries] == [2]


def test_other_arguments_are_other_queries_until_too_many_have_killed(lives: Lives) -> None:
    lives.die(args=b'{"n":1}')
    lives.die(args=b'{"n":1}')
    with pytest.raises(Death):
        lives.begin().answer("dies", b'{"n":2}')
    assert code_of(lives.begin(), "dies", b'{"n":3}') == "poisoned"


def test_a_query_that_answers_is_no_longer_suspected(lives: Lives) -> None:
    life = lives.begin()
    asked = asked_of("lives", b"{}", None)
    poisoned = PoisonedQueries(lives.note, lives.in_hand, lives.mark, lives.log)
    poisoned.begin(asked)  # and the process is killed
    after = lives.begin()
    assert read_suspects(lives.note).queries
    assert code_of(after, "lives") == ""
    assert not lives.note.exists()
    assert life.positions == [3]


def test_a_query_that_raises_is_answered(lives: Lives) -> None:
    assert code_of(lives.begin(), "raises") == "query-failed"
    lives.begin()
    assert lives.told == []


def test_new_code_is_tried_and_so_is_what_an_operator_wants_to_be(lives: Lives) -> None:
    lives.die()
    lives.die()
    assert code_of(lives.begin(), "dies") == "poisoned"
    assert lives.begin().answer(RETRY, b"{}") == b"1"
    lives.die()
    lives.die()
    assert code_of(lives.begin(), "dies") == "poisoned"
    lives.mark = "two"
    lives.die()


def test_a_note_that_cannot_be_read_costs_nothing_but_learning_again(lives: Lives) -> None:
    lives.die()
    lives.begin()
    lives.note.write_bytes(b'{"mark":"\xff')
    assert code_of(lives.begin(), "lives") == ""


def test_texts_and_arguments_make_the_difference(lives: Lives) -> None:
    assert asked_of("q", b"{}", {"a": "b"}) != asked_of("q", b"{}", {"a": "c"})
    assert asked_of("q", b'{"a":1}', None) != asked_of("q", b'{"a":2}', None)
    assert len(asked_of("q" * 9000, b"", None).query) == 100
