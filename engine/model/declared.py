"""What a command may be answered with, as its class line declares it: checked at start and by the kit.

class Take(Command, name="stock.take", rejects=("sold-out",), result=int): ...
"""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.model.access import Access, access_of, expect_own
from engine.model.marks import wrong
from engine.model.messages import Command
from engine.model.readable import unreadable

ENGINE_REJECTS = ("already-exists", "wrong-version")
"""codes of rejections that any command may be answered with, because the engine decides them"""


def expect_declaration(command: type[Command], method: Callable[..., Any]) -> None:
    """ConfigError, with the place of the method that decides it, for a declaration that makes no sense."""
    name = command.__name__
    for code in command.__rejects__ or ():
        if not isinstance(code, str) or not code:
            raise wrong(method, f"decides {name}, whose rejects={command.__rejects__!r} are not all texts")
        if code in ENGINE_REJECTS:
            raise wrong(method, f"decides {name}, which declares {code}: that code is the engine's own")
    where = f"the command {name}"
    expect_own(access_of(command.__may__, command.__own__, where), command, where)
    if why := unreadable(command.__result__):
        raise wrong(method, f"decides {name}, whose result cannot be read from JSON: {why}")


def access_to(command: type[Command]) -> Access:
    """Who may send a command from outside, as its class line says."""
    return access_of(command.__may__, command.__own__, f"the command {command.__name__}")


def undeclared(command: type[Command], answer: dict[str, Any]) -> str:
    """What an answer (its fields, decoded from JSON) has that the class of its command does not declare, as a
    sentence; empty if there is nothing. Failures are always possible."""
    name, outcome = command.__name__, answer.get("outcome")
    if outcome == "rejected" and command.__rejects__ is not None:
        code = answer.get("code")
        if code not in (*command.__rejects__, *ENGINE_REJECTS):
            known = ", ".join(command.__rejects__) or "none"
            return f"{name} is rejected with the code {code}; its class declares rejects: {known}"
    if outcome == "committed" and command.__result__ is not Any:
        try:
            msgspec.convert(answer.get("result"), command.__result__)
        except msgspec.ValidationError as error:
            result = answer.get("result")
            return f"{name} is committed with the result {result!r}; its class declares another: {error}"
    return ""
