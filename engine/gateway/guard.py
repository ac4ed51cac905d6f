"""The guard: what every request passes before a route sees it, and what every answer carries.

    host and origin ──▶ TLS, if a proxy ends it ──▶ caller ──▶ route ──▶ problems as answers, safe headers

Nothing here, and no route, decides by a URL that was put together from headers: the path is `scope["path"]`,
and `engine.gateway.targets` sees to it that it says the same as the path that came.
"""

import traceback
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.base.log import Log
from engine.base.log_codes import Code
from engine.gateway.bodies import CLOSING, Bodies
from engine.gateway.callers import SENDER, Caller, Callers
from engine.gateway.hosts import Hosts
from engine.gateway.problems import Problem
from engine.gateway.targets import check_target
from engine.node.senders import Tally

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
SAFE = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
STRANGER = "no token"
ONCE = (  # of two, a proxy might take the other
    b"authorization",
    b"content-type",
    b"idempotency-key",
    b"if-match",
    b"last-event-id",
    b"transfer-encoding",
    b"x-forwarded-proto",
)
TURNED_AWAY = ("request", "forbidden", "busy")  # kinds of problems
NO_STORE = (b"cache-control", b"no-store")  # unless a route says otherwise: answers may be private


class Guard:
    """Stands before the routes. `proxy`: the address from which all requests must come, as it ends TLS;
    empty: from any."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        callers: Callers,
        bodies: Bodies,
        log: Log,
        *,
        tally: Tally[str],
        proxy: str = "",
    ) -> None:
        self._app, self._hosts, self._callers, self._log = app, hosts, callers, log
        self._bodies, self._tally, self._proxy = bodies, tally, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = False

        async def safely(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = message["headers"] = [*message.get("headers", ()), *SAFE]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append(NO_STORE)
            await send(message)

        scope["app"] = self  # by which the router knows that it may raise
        try:
            self._admit(scope)
            await self._app(scope, receive, safely)
        except Problem as problem:
            if begun:
                raise
            if problem.kind in TURNED_AWAY:
                self._tally.turn_away(scope[SENDER], 1)
            await problem.response()(scope, receive, safely)
        except HTTPException as refused:
            codes = {404: "not-found", 405: "method-not-allowed"}
            code = codes.get(refused.status_code, "bad-request")
            text, headers = f"{scope['method']} {scope['path']}", dict(refused.headers or {})
            await Problem(code, text, headers=headers).response()(scope, receive, safely)
        except Exception as error:
            if begun:
                raise
            self._log(Code.GATEWAY_BUG, "a request failed", trace=traceback.format_exc().rstrip())
            bug = Problem("gateway-bug", f"{type(error).__name__}; the node's log has the rest")
            await bug.response()(scope, receive, safely)
        finally:
            self._bodies.release(scope)

    def _admit(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        named = dict(headers)
        host = str((scope.get("client") or ("",))[0])
        address = self._address(host, named)
        scope[SENDER] = f"{STRANGER} from {address}"
        try:
            self._hosts.check(headers)
            check_target(scope, named[b"host"])
            names = [name for name, _ in headers]
            if twice := next((name for name in ONCE if names.count(name) > 1), b""):
                raise Problem("bad-request", f"the header {twice.decode()} is there twice", headers=CLOSING)
            if self._proxy and (host != self._proxy or named.get(b"x-forwarded-proto", b"") != b"https"):
                raise Problem("insecure", "requests come by TLS, through the proxy of this node")
            caller: Caller = self._callers.of(named)
            scope["caller"] = caller
            if caller.name:
                scope[SENDER] = f"{caller.name} from {address}"
        finally:
            self._tally.send(scope[SENDER], 1)

    def _address(self, host: str, named: dict[bytes, bytes]) -> str:
        """Where a request comes from: what the proxy, if there is one, has added to what it was told."""
        if host != self._proxy:
            return host
        told = named.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip()
        try:
            return str(ip_address(told))
        except ValueError:
            return host
