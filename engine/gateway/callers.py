"""Callers: who asks, as far as a request shows it, and what that one may.

    Authorization: Bearer rf_…      the role and subject of that token
    cookie of a visitor             a user, by its own subject
    neither                         public

While a node on loopback has no token at all, it is open: all who reach it may do everything, as on the
node's own sockets. With the first token that ends. A subject is held to what is its own even then.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple

from engine.gateway.problems import Problem
from engine.gateway.tokens import Tokens
from engine.gateway.visitors import COOKIE, subject_in
from engine.model.access import Access, Role

SENDER = "ringfold.sender"  # in the scope of a request: the name by which it is counted


class Caller(NamedTuple):
    """Who asks. `name`: for the audit log. `open`: no role is asked for."""

    role: Role
    subject: str = ""
    name: str = ""
    open: bool = False

    def expect(self, role: Role) -> None:
        """Raises Problem if a role is needed that this is not."""
        if role is Role.INSIDE:
            raise Problem("not-allowed", "this is for programs on the node's own sockets")
        if self.open or self.role >= role:
            return
        if self.role is Role.PUBLIC:
            raise Problem("no-token", f"this is for a {role.word}: show a token")
        raise Problem("not-allowed", f"this is for a {role.word}; the token is of a {self.role.word}")

    def expect_access(self, access: Access, values: Any) -> None:
        """Raises Problem if this one may not send or ask what has these values, a struct."""
        self.expect(access.may)
        if not access.own or self.role is Role.OPERATOR or (self.open and not self.subject):
            return
        if getattr(values, access.own) != self.subject:
            raise Problem("not-yours", f"{access.own} must be the subject of the token")


class Callers:
    """Tells who asks. `loopback`: only this machine can reach the gateway."""

    def __init__(self, tokens: Tokens, *, loopback: bool) -> None:
        self._tokens, self._loopback = tokens, loopback

    def of(self, headers: dict[bytes, bytes]) -> Caller:
        """The caller of a request. Raises Problem for a token that is none: a caller who means to be
        something is not to go on as a stranger."""
        open = self._loopback and not self._tokens.any_valid()
        shown = headers.get(b"authorization")
        if shown is not None:
            scheme, _, token = shown.decode("latin-1").partition(" ")
            found = self._tokens.find(token.strip()) if scheme.lower() == "bearer" else None
            if found is None:
                raise Problem("bad-token", "there is no such token, or it is revoked")
            return Caller(Role[found.role.upper()], found.subject, found.name)
        cookie = self.cookie_in(headers)
        if cookie and (subject := subject_in(cookie, self._tokens.visitors_key())):
            return Caller(Role.USER, subject, subject, open)
        return Caller(Role.OPERATOR if open else Role.PUBLIC, "", "loopback" if open else "", open)

    @staticmethod
    def cookie_in(headers: dict[bytes, bytes]) -> str:
        """The value of a visitor's cookie; empty if there is none."""
        text = headers.get(b"cookie", b"").decode("latin-1")
        if COOKIE not in text:
            return ""
        try:
            found = SimpleCookie(text).get(COOKIE)
        except CookieError:
            return ""
        return "" if found is None else found.value
