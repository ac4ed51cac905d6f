"""Callers: who asks, by what the request shows, and what that one may."""

from pathlib import Path

import pytest

from engine.gateway.callers import Caller, Callers
from engine.gateway.problems import Problem
from engine.gateway.tokens import Tokens
from engine.gateway.visitors import COOKIE, is_ageing, new_visitor, signed, subject_in
from engine.model.access import Access, Role


class Values:
    owner = "ann"


OWN = Access(Role.USER, "owner")


def code(caller: Caller, access: Access) -> str:
    try:
        caller.expect_access(access, Values())
    except Problem as problem:
        return problem.code
    return ""


@pytest.mark.parametrize(
    ("caller", "public", "own", "operator", "inside"),
    [
        (Caller(Role.PUBLIC), "", "no-token", "no-token", "not-allowed"),
        (Caller(Role.USER, "ann"), "", "", "not-allowed", "not-allowed"),
        (Caller(Role.USER, "bob"), "", "not-yours", "not-allowed", "not-allowed"),
        (Caller(Role.OPERATOR), "", "", "", "not-allowed"),
        (Caller(Role.OPERATOR, "", "loopback", open=True), "", "", "", "not-allowed"),
        (Caller(Role.USER, "visitor", "visitor", open=True), "", "not-yours", "", "not-allowed"),
    ],
)
def test_each_may_what_its_role_and_subject_allow(
    caller: Caller, public: str, own: str, operator: str, inside: str
) -> None:
    accesses = (Access(Role.PUBLIC), OWN, Access(Role.OPERATOR), Access(Role.INSIDE))
    assert tuple(code(caller, access) for access in accesses) == (public, own, operator, inside)


def test_a_node_is_open_on_loopback_alone_and_until_there_is_a_token(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    assert Callers(tokens, loopback=True).of({}).open
    assert Callers(tokens, loopback=False).of({}) == Caller(Role.PUBLIC)
    tokens.new("boss", Role.OPERATOR)
    assert Callers(tokens, loopback=True).of({}) == Caller(Role.PUBLIC)


def test_a_token_wins_over_a_cookie_and_a_wrong_one_is_not_passed_over(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    shown = tokens.new("boss", Role.OPERATOR)
    callers = Callers(tokens, loopback=True)
    cookie = f"{COOKIE}={new_visitor(tokens.visitors_key())}".encode()
    both = {b"authorization": f"bearer {shown}".encode(), b"cookie": cookie}
    assert callers.of(both).name == "boss"
    assert callers.of({b"cookie": cookie}).subject.startswith("visitor-")
    with pytest.raises(Problem) as raised:
        callers.of({b"authorization": b"Bearer rf_no", b"cookie": cookie})
    assert raised.value.code == "bad-token"


@pytest.mark.parametrize(
    "cookie", [b"", b";;;", COOKIE.encode() + b"=", COOKIE.encode() + b"=a.b.c", b"\xff=\xff"]
)
def test_a_cookie_that_is_none_makes_a_stranger(tmp_path: Path, cookie: bytes) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    tokens.new("boss", Role.OPERATOR)
    assert Callers(tokens, loopback=True).of({b"cookie": cookie}) == Caller(Role.PUBLIC)


def test_a_cookie_holds_for_its_key_its_subject_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = signed("visitor-1", b"key")
    assert subject_in(cookie, b"key") == "visitor-1"
    assert subject_in(cookie, b"other") == ""
    assert subject_in(cookie.replace("visitor-1", "ann"), b"key") == ""
    assert not is_ageing(cookie)
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    assert subject_in(cookie, b"key") == ""
    assert is_ageing(cookie)
