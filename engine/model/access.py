"""Access: who may send a command or ask a query from outside the node, as its class line or mark says.

    class PlaceOrder(Command, name="order.place", may="user", own="user"): ...

    @query(may="user", own="user")
    def orders(self, view: Table[OrderRow], user: str) -> list[OrderRow]: ...

`may`: the least role that a caller needs: `public`, `user` or `operator`; without it, operator. `inside`: it
is for programs on the node's own sockets alone. `own`: the field that must say who the caller is, the subject
of its token; an operator may name any.

The gateway asks for this (docs/HTTP.md). A program on the node's own sockets is trusted, as it was before.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from engine.base.errors import ConfigError


class Role(IntEnum):
    """What a caller is. A higher one may do all that a lower one may."""

    PUBLIC = 0
    """all who reach the gateway"""
    USER = 1
    """the holder of a token that says whose it is"""
    OPERATOR = 2
    """runs the node"""
    INSIDE = 3
    """no caller from outside is"""

    @property
    def word(self) -> str:
        """As it is written."""
        return self.name.lower()


WORDS = tuple(role.word for role in Role)


class Access(NamedTuple):
    """Who may. `own`: the field that must hold the caller's subject; empty: none."""

    may: Role = Role.OPERATOR
    own: str = ""


def access_of(may: str | None, own: str, where: str) -> Access:
    """What was declared. ConfigError, which says `where`, if it makes no sense."""
    if may is not None and may not in WORDS:
        raise ConfigError(f"{where} says may={may!r}: it is one of {', '.join(WORDS)}")
    role = Role.OPERATOR if may is None else Role[may.upper()]
    if own and role is not Role.USER:
        raise ConfigError(f'{where} says own="{own}": only who has a subject can own, so say may="user" too')
    return Access(role, own)


def expect_own(access: Access, fields: Any, where: str) -> None:
    """ConfigError if the field that must hold the subject is not there, or is not a text. `fields`: the
    struct that has it."""
    if not access.own:
        return
    types = {field.name: field.type for field in msgspec.structs.fields(fields)}
    kind = types.get(access.own)
    base = getattr(kind, "__origin__", kind)
    if base is not str:
        raise ConfigError(f'{where} says own="{access.own}", which is not a field of the type str')
