"""Causes over HTTP: what led to a command, and what it led to.

    GET /api/trace/COMMAND     {"root": {…, "led_to": […]}, "cut": …, "timers": {command: […]}}

The tree is that of the reader (docs/PROTOCOL.md, §8); `timers` are those that process managers set because of
a command in it.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.follow.questions import Refused
from engine.gateway.context import Context
from engine.gateway.parameters import expect_known
from engine.gateway.problems import Problem
from engine.model.access import Role
from engine.reading.questions import ReaderQuestions
from engine.wire.documents import encode_document

MOST_ASKED = 100  # commands whose timers are asked for


class Traces:
    """The route for chains of commands."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._questions = ReaderQuestions(context.stores, lambda: context.app)

    async def get(self, request: Request) -> Response:
        """The chain around a command."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request)
        args = msgspec.json.encode({"command": request.path_params["command"]})
        try:
            answer = await self._context.read(self._questions.answer, "trace", args)
        except Refused as refused:
            raise Problem(refused.code, refused.message) from None
        tree = msgspec.json.decode(answer)
        if tree is None or tree.get("root") is None:
            raise Problem("not-found", "nothing is known of this command")
        commands = list(_commands_in(tree["root"]))[:MOST_ASKED]
        timers = await asyncio.gather(*map(self._timers_of, commands))
        tree["timers"] = {command: some for command, some in zip(commands, timers, strict=True) if some}
        return Response(encode_document(tree), media_type="application/json")

    async def _timers_of(self, command: str) -> list[Any]:
        managers = self._context.followers("process-manager")
        asked = (self._context.ask(manager, "timers-of", {"command": command}) for manager in managers)
        return [timer for timers in await asyncio.gather(*asked) for timer in timers]


def _commands_in(link: dict[str, Any]) -> Iterator[str]:
    yield link["command"]
    for child in link.get("led_to", ()):
        yield from _commands_in(child)
