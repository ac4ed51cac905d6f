"""Tokens: shown once, kept as a hash, read again when the file changes."""

from pathlib import Path

import pytest

from engine import ConfigError, Fault
from engine.gateway.tokens import Tokens
from engine.model.access import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def test_a_token_is_found_by_what_a_caller_shows_and_by_nothing_else(path: Path) -> None:
    tokens = Tokens(path)
    shown = tokens.new("ann", Role.USER, "customer-7")
    found = tokens.find(shown)
    assert found is not None
    assert (found.name, found.role, found.subject) == ("ann", "user", "customer-7")
    assert shown.encode() not in path.read_bytes()
    for other in ("", shown[:-1], shown + "x", found.hash, "ann"):
        assert tokens.find(other) is None


def test_another_process_sees_what_changes_at_once(path: Path) -> None:
    mine, theirs = Tokens(path), Tokens(path)
    assert not mine.any_valid()
    shown = theirs.new("boss", Role.OPERATOR)
    assert mine.any_valid()
    assert mine.find(shown) is not None
    theirs.revoke("boss")
    assert mine.find(shown) is None
    assert not mine.any_valid()


def test_a_name_is_free_again_after_its_token_was_revoked(path: Path) -> None:
    tokens = Tokens(path)
    first = tokens.new("ann", Role.OPERATOR)
    with pytest.raises(ConfigError, match="there is a token of this name"):
        tokens.new("ann", Role.OPERATOR)
    tokens.revoke("ann")
    second = tokens.new("ann", Role.OPERATOR)
    assert (tokens.find(first), tokens.find(second) is not None) == (None, True)
    assert [token.is_valid for token in tokens.all()] == [False, True]


def test_the_key_of_visitors_stays_until_it_is_revoked(path: Path) -> None:
    key = Tokens(path).visitors_key()
    assert Tokens(path).visitors_key() == key
    Tokens(path).revoke("visitors")
    assert Tokens(path).visitors_key() != key


def test_a_damaged_file_is_a_fault_and_not_an_empty_one(path: Path) -> None:
    path.write_text("{")
    with pytest.raises(Fault, match="the tokens cannot be read"):
        Tokens(path).any_valid()


@pytest.mark.parametrize(
    ("name", "role", "subject"),
    [("", Role.OPERATOR, ""), ("a/b", Role.OPERATOR, ""), ("a", Role.USER, ""), ("a", Role.USER, "x" * 201)],
)
def test_what_cannot_be_a_token_is_one_line(path: Path, name: str, role: Role, subject: str) -> None:
    with pytest.raises(ConfigError):
        Tokens(path).new(name, role, subject)
    assert not path.exists()
