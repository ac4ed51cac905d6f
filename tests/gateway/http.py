"""A client of the gateway in few lines, over the standard library: requests, and streams that are read on."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from engine import Node
from tests.deadline import until
from tests.gateway.parcels import APP

SMALL = {"segment_bytes": "1MiB", "max_message_bytes": "256KiB", "checkpoint_ms": 50}
SETTINGS = {"http": "127.0.0.1:0"} | SMALL
TIMEOUT_S = 20.0


class Answer(NamedTuple):
    """An answer, read whole. `headers` by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem, which must be one."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["code"])


class Http:
    """Requests to one gateway, as one caller. `headers` go with each."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url, self.headers = url, headers or {}
        self.address = urlsplit(url)

    def with_token(self, token: str) -> "Http":
        """The same gateway, as the holder of a token."""
        return Http(self.url, {**self.headers, "Authorization": f"Bearer {token}"})

    def connect(self) -> http.client.HTTPConnection:
        assert self.address.hostname is not None
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=TIMEOUT_S)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        """Sends JSON; bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/json"} | headers)

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, {**self.headers, **named})
            return _read(connection.getresponse())

    def send(self, type: str, aggregate: str, **fields: Any) -> Answer:
        """One command."""
        return self.post(f"/api/commands/{type}", {"aggregate": aggregate, **fields})

    def stream(self, path: str, **headers: str) -> "Stream":
        return Stream(self, path, {name.replace("_", "-"): value for name, value in headers.items()})


class Stream:
    """An answer that goes on, read by a thread. `events`: (id, data) of server-sent events so far."""

    def __init__(self, http: Http, path: str, headers: dict[str, str]) -> None:
        self.events: list[tuple[str, Any]] = []
        self.lines: list[str] = []
        self._connection = http.connect()
        accept = {"Accept": "text/event-stream"}
        self._connection.request("GET", path, headers={**accept, **http.headers, **headers})
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    @property
    def id(self) -> str:
        """The last id that was seen, with or without an event, as a browser keeps it."""
        ids = [line.partition(": ")[2] for line in list(self.lines) if line.startswith("id: ")]
        return ids[-1] if ids else ""

    def positions(self) -> list[int]:
        return [data["position"] for _, data in list(self.events)]

    def until(self, condition: Callable[["Stream"], Any], seconds: float = 10.0) -> Any:
        return until(lambda: condition(self), seconds, str(self.lines[-5:]))

    def close(self) -> None:
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_S)
        self._response.close()
        self._connection.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        id = ""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while raw := self._response.readline():
                line = raw.decode().rstrip("\n")
                self.lines.append(line)
                if line.startswith("id: "):
                    id = line[4:]
                elif line.startswith("data: "):
                    self.events.append((id, json.loads(line[6:])))


def _read(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@contextlib.contextmanager
def gateway(folder: Path, app: str = APP, **settings: object) -> Iterator[tuple[Node, Http]]:
    """A node with a gateway, and a client of it."""
    log = folder / "log"
    with Node(folder / "data", app=app, settings=SETTINGS | settings, log=log) as node:
        yield node, Http(node.endpoints.http)
