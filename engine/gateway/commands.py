"""Commands over HTTP: one object, or an array of them.

    POST /api/commands           each names its `type`
    POST /api/commands/TYPE      all are of this type

    ?wait=        accepted, committed (default) or projected:VIEW
    ?timeout_ms=  how long to wait; 10,000 unless given, 60,000 at most

One command is answered by its outcome as a status; an array by 200 and a list of receipts in its order. The
command is decoded here with its own class, so what does not fit is refused without troubling the node, and
what is forwarded is what was checked. A command without an id gets one, which every answer returns, also the
one that says that the outcome is unknown: send it again with that id.
"""

import re
from collections.abc import Callable
from typing import Any, Union

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.base.decoding import NOT_DECODABLE
from engine.base.identity import id_from
from engine.client.receipts import Receipt
from engine.client.tickets import why_not_addressed
from engine.gateway.callers import SENDER, Caller
from engine.gateway.context import Context
from engine.gateway.parameters import number_in
from engine.gateway.problems import FAILED, Problem
from engine.gateway.tracing import traced
from engine.model.declared import access_to
from engine.model.messages import Command, wire_tag

TIMEOUT_MS, LONGEST_TIMEOUT_MS = 10_000, 60_000
LONGEST_KEY = 200
VERSION = re.compile(r'"(?P<quoted>[0-9]{1,15})"|(?P<bare>[0-9]{1,15})')
OWN_ID = re.compile(r"[0-9a-f]{32}")
STATUS = {"accepted": 202, "sent": 202}  # others that are ok: 200
REJECTED = {"wrong-version": 412}  # others: 422


class Told(msgspec.Struct, omit_defaults=True):
    """A receipt as it is answered."""

    outcome: str
    id: str
    version: int = 0
    partition: int = -1
    position: int = 0
    result: Any = None
    code: str = ""
    message: str = ""
    view_ready: bool | None = None


class _Given(msgspec.Struct):
    id: str | msgspec.UnsetType = msgspec.UNSET


_given = msgspec.json.Decoder(_Given).decode
_all_given = msgspec.json.Decoder(list[_Given]).decode
_encode = msgspec.json.Encoder().encode


class _Tag(msgspec.Struct):
    type: Any = None


class _Form:
    """How bodies of one type are decoded, or of all where each says its own."""

    def __init__(self, kind: Any) -> None:
        self.one: Callable[[bytes], Command] = msgspec.json.Decoder(kind).decode
        self.many: Callable[[bytes], list[Command]] = msgspec.json.Decoder(list[kind]).decode


class Commands:
    """The routes for the commands of one application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        handlers = context.app.handlers
        self._any = _Form(Union[tuple(handlers)])  # noqa: UP007  a union built at run time
        self._forms = {wire_tag(command): _Form(command) for command in handlers}
        self._access = {command: access_to(command) for command in handlers}

    async def post(self, request: Request) -> Response:
        """Sends what the body says; answers when the outcome is there."""
        context, headers = self._context, request.headers
        tag = request.path_params.get("type")
        form = self._any if tag is None else self._forms.get(tag)
        if form is None:
            raise Problem("unknown-command", f"no handler for {tag}")
        body = await context.bodies.json(request, context.config.max_message_bytes)
        wait = self._wait(request)
        timeout_s = number_in(request, "timeout_ms", TIMEOUT_MS, most=LONGEST_TIMEOUT_MS) / 1000
        caller: Caller = request.scope["caller"]
        key = headers.get("idempotency-key", "")
        if len(key) > LONGEST_KEY:
            raise Problem("bad-request", f"Idempotency-Key has at most {LONGEST_KEY} characters")
        if body.lstrip()[:1] == b"[":
            traceparent = headers.get("traceparent", "")
            return await self._many(form, body, key, request, wait, timeout_s, traceparent)
        command = self._decoded(form.one, body)
        if key and _given(body).id is msgspec.UNSET:
            msgspec.structs.force_setattr(command, "id", id_of(key, caller.subject))
        if "if-match" in headers or "if-none-match" in headers:
            msgspec.structs.force_setattr(command, "expected_version", _expected(request))
        self._expect(command, caller)
        with traced(context.spans, headers.get("traceparent", ""), [command]) as ended:
            receipt = await context.client.send(command, wait, timeout_s)
            ended([receipt])
        return answer(receipt)

    async def _many(
        self,
        form: _Form,
        body: bytes,
        key: str,
        request: Request,
        wait: str,
        timeout_s: float,
        traceparent: str,
    ) -> Response:
        caller: Caller = request.scope["caller"]
        commands = self._decoded(form.many, body)
        most = self._context.config.max_commands_per_message
        if not commands or len(commands) > most:
            code = "too-many" if commands else "malformed"
            raise Problem(code, f"an array has 1 to {most} commands, this one has {len(commands)}")
        if key:
            for place, (command, given) in enumerate(zip(commands, _all_given(body), strict=True)):
                if given.id is msgspec.UNSET:
                    msgspec.structs.force_setattr(command, "id", id_of(f"{key}/{place}", caller.subject))
        for place, command in enumerate(commands):
            self._expect(command, caller, place)
        tally, sender = self._context.tally, request.scope[SENDER]
        tally.send(sender, len(commands) - 1)  # the request is the first
        with traced(self._context.spans, traceparent, commands) as ended:
            receipts = await self._context.client.send_many(commands, wait, timeout_s)
            ended(receipts)
        busy = sum(receipt.outcome == "busy" for receipt in receipts)
        if busy < len(receipts):
            tally.turn_away(sender, busy)
        else:
            tally.turn_away(sender, busy - 1)  # the problem is the last
            raise Problem("busy", receipts[0].message, ids=[receipt.id for receipt in receipts])
        return Response(_encode([told(receipt) for receipt in receipts]), media_type="application/json")

    def _expect(self, command: Command, caller: Caller, place: int | None = None) -> None:
        """Raises Problem if this command may not be sent, by this caller."""
        try:
            caller.expect_access(self._access[type(command)], command)
            if wrong := why_not_addressed(command):
                raise Problem("malformed", wrong)
        except Problem as problem:
            if place is not None:
                problem.more["index"] = place
            raise

    def _decoded(self, decode: Callable[[bytes], Any], body: bytes) -> Any:
        try:
            return decode(body)
        except NOT_DECODABLE as error:
            tags = [decode_tag(raw) for raw in _raws(body)]
            for place, tag in enumerate(tags):
                if isinstance(tag, str) and tag not in self._forms:
                    raise Problem("unknown-command", f"no handler for {tag}", index=place) from None
            raise Problem("malformed", str(error)) from None

    def _wait(self, request: Request) -> str:
        wait = request.query_params.get("wait", "committed")
        views = self._context.endpoints.queries
        if wait not in ("accepted", "committed") and wait.removeprefix("projected:") not in views:
            known = ", ".join(f"projected:{view}" for view in views)
            raise Problem("bad-request", f"wait is one of accepted, committed, {known}")
        if wait in views:
            raise Problem("bad-request", f"wait is projected:{wait}, or without")
        return wait


def id_of(key: str, subject: str = "") -> str:
    """The id of the command that an Idempotency-Key stands for: the key itself if it is an id, otherwise one
    that follows from it. Two subjects with one key are two commands."""
    if OWN_ID.fullmatch(key):
        return key
    return id_from(f"{subject}\n{key}" if subject else key)


def told(receipt: Receipt) -> Told:
    """A receipt as it is answered: what says nothing is left out."""
    committed = receipt.outcome == "committed"
    return Told(
        receipt.outcome,
        receipt.id,
        receipt.version,
        receipt.partition if committed else -1,
        receipt.position,
        receipt.result,
        receipt.code,
        receipt.message,
        receipt.view_ready,
    )


def answer(receipt: Receipt) -> Response:
    """The answer to one command. Raises Problem."""
    if receipt.ok or receipt.outcome == "sent":
        headers = {"etag": f'"{receipt.version}"'} if receipt.version else {}
        status = STATUS.get(receipt.outcome, 200)
        return Response(_encode(told(receipt)), status, headers, "application/json")
    raise problem_of(receipt)


def problem_of(receipt: Receipt) -> Problem:
    """A receipt of a command that was not accepted."""
    outcome, code, message = receipt.outcome, receipt.code, receipt.message
    if outcome == "rejected":
        status = REJECTED.get(code, 422)
        return Problem(code, message, status=status, kind=outcome, outcome=outcome, id=receipt.id)
    if outcome == "failed":
        status = FAILED.get(code, 422)
        return Problem(code, message, status=status, kind=outcome, outcome=outcome, id=receipt.id)
    if outcome == "busy":
        return Problem("busy", message or "the node is full", outcome=outcome, id=receipt.id)
    text = f"{message}: it may have taken effect or still may; send it again with this id"
    return Problem("unknown", text, outcome=outcome, id=receipt.id)


def _expected(request: Request) -> int:
    """The version that If-Match asks for; 0 for `If-None-Match: *`."""
    match, none = (request.headers.get(name, "").strip() for name in ("if-match", "if-none-match"))
    if none == "*" and not match:
        return 0
    version = VERSION.fullmatch(match)
    if version is None or none:
        text = (
            'If-Match is the version that the aggregate must have, such as "7"; If-None-Match is *; not both'
        )
        raise Problem("bad-request", text)
    return int(version["bare"] or version["quoted"])


def _raws(body: bytes) -> list[msgspec.Raw]:
    try:
        if body.lstrip()[:1] == b"[":
            return msgspec.json.decode(body, type=list[msgspec.Raw])
        return [msgspec.json.decode(body, type=msgspec.Raw)]
    except NOT_DECODABLE:
        return []


def decode_tag(raw: msgspec.Raw) -> Any:
    """The `type` of a command, whatever it is; None if there is none."""
    try:
        return msgspec.json.decode(raw, type=_Tag).type
    except NOT_DECODABLE:
        return None
