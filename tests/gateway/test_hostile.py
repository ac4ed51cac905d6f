"""Hostile HTTP: forged hosts and origins, bodies too large or too slow, connections that say nothing. Each is
refused and named, and nothing else suffers."""

import contextlib
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from engine import Client, Node
from tests.deadline import until
from tests.gateway.http import Http
from tests.gateway.parcels import AskForParcel, SendParcel

SEND = "/api/commands/parcel.send"
IDLE = 1_000


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1.evil.example:{port}",
        "localhost:{port}.evil.example",
        "127.0.0.1:{port}@evil.example",
        "evil.example:{port}",
        "127.0.0.1:1",
        "0x7f.1:{port}",
        "127.0.0.1:{port}/api",
        "",
    ],
)
def test_another_host_is_refused_letter_by_letter(http: Http, host: str) -> None:
    answer = http.get("/api/node", Host=host.format(port=http.address.port))
    assert answer.status in (400, 421)


def test_the_names_of_loopback_are_known(http: Http) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert http.get("/health/live", Host=f"{name}:{http.address.port}").status == 200


def test_two_hosts_are_none(http: Http) -> None:
    own = f"Host: {http.address.netloc}\r\n"
    assert b" 421 " in raw(http, f"GET /api/node HTTP/1.1\r\n{own}Host: evil.example\r\n\r\n".encode())
    assert b" 421 " in raw(http, b"GET /api/node HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://evil.example:{port}", "https://127.0.0.1:{port}"]
)
def test_a_page_of_another_site_is_refused(http: Http, origin: str) -> None:
    named = origin.format(port=http.address.port)
    assert http.post(SEND, {"aggregate": "x", "sender": "a"}, Origin=named).code == "foreign-origin"
    assert http.get("/api/node", Origin=named).code == "foreign-origin"
    assert http.get("/api/node", Sec_Fetch_Site="cross-site").code == "foreign-origin"
    assert http.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200
    assert http.get("/api/node", Origin=http.url).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=utf-16",
        "",
    ],
)
def test_only_json_is_read(http: Http, kind: str) -> None:
    answer = http.post(SEND, {"aggregate": "x", "sender": "a"}, Content_Type=kind)
    assert (answer.status, answer.code) == (415, "not-json")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(http: Http) -> None:
    answer = http.post(SEND, b'{"aggregate":"' + b"x" * (300 << 10) + b'"}')
    assert (answer.status, answer.code) == (413, "too-large")
    host = f"Host: {http.address.netloc}\r\nContent-Type: application/json\r\n"
    said = f"POST {SEND} HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n"
    assert b"too-large" in raw(http, said.encode())
    chunked = f"POST {SEND} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"%x\r\n" % (64 << 10) + b" " * (64 << 10) + b"\r\n"
    assert b"too-large" in raw(http, chunked + 6 * chunk)


def test_hostile_json_is_a_problem_and_never_a_bug(http: Http) -> None:
    bodies = [
        b"[" * 50_000,
        b'{"aggregate":"x","sender":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"aggregate":"x","sender":"a","weight":1e400}',
        b'{"aggregate":"x","sender":"a","weight":18446744073709551617}',
        b'{"aggregate":"x","sender":"a","weight":NaN}',
        b'{"aggregate":"x","sender":"\\ud800"}',
        b'{"aggregate":"\xff","sender":"a"}',
        b'"text"',
        b"null",
        b"[null]",
        b"[[]]",
        b'{"aggregate":"' + b"x" * 201 + b'","sender":"a"}',
        b'{"aggregate":"x","sender":"a","id":"ffffffffffff7fff8fffffffffffffff"}',
    ]
    for body in bodies:
        answer = http.post(SEND, body)
        assert answer.status == 400, (body[:60], answer)
        assert answer.code == "malformed"


def test_paths_and_queries_of_any_form_are_a_problem_and_never_a_bug(http: Http) -> None:
    paths = [
        "/api/aggregates/" + "x" * 2_000,
        "/api/aggregates/%00",
        "/api/aggregates/%ff",
        "/api/aggregates/x?version=0",
        "/api/aggregates/x?version=99999999999999999999",
        "/api/trace/xyz",
        "/api/trace/" + "0" * 32,
        "/api/views/%ff/%ff",
        "/api/views/parcels/parcel?parcel=%ff",
        "/api/events?types=" + "x" * 5_000,
        "/api/events?after=%ff",
        "/api/node/process-managers/clerk/instances/%ff",
        "/api/node/process-managers/no/instances/x",
        "/api/node/audit?limit=x",
        "/api/node?x=1",
    ]
    for path in paths:
        answer = http.get(path)
        assert answer.status < 500, (path, answer)
        assert answer.status == 200 or answer.code, (path, answer)


@contextlib.contextmanager
def idle_connections(http: Http, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    address = (http.address.hostname, http.address.port)
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(address, 10)
            if said:
                client.sendall(said)
            clients.append(client)
        yield clients
    finally:
        for client in clients:
            client.close()


@pytest.mark.smoke
def test_a_thousand_connections_that_say_nothing_hinder_none_and_are_left(node: Node, http: Http) -> None:
    process = psutil.Process(node.pids["gateway"])
    before = process.memory_info().rss
    half = f"POST {SEND} HTTP/1.1\r\nHost: {http.address.netloc}\r\nX-Slow: ".encode()
    with idle_connections(http, IDLE // 2) as silent, idle_connections(http, IDLE // 2, half) as slow:
        began = time.monotonic()
        assert http.send("parcel.send", "idle-1", sender="ann").status == 200
        assert time.monotonic() - began < 2
        with Client(node.endpoints) as client:
            assert client.send(SendParcel("idle-2", sender="ann")).ok
        assert process.memory_info().rss - before < 64 << 20
        until(lambda: all(map(ended, silent + slow)), 30, "they are left after ten seconds")
    assert http.send("parcel.send", "idle-3", sender="ann").status == 200


@pytest.mark.smoke
def test_a_body_that_comes_slowly_is_left(http: Http) -> None:
    head = f"POST {SEND} HTTP/1.1\r\nHost: {http.address.netloc}\r\nContent-Type: application/json\r\n"
    with idle_connections(http, 1, f"{head}Content-Length: 100\r\n\r\n{{".encode()) as (slow,):
        slow.settimeout(20)
        assert b"408" in slow.recv(4_096)
        until(lambda: ended(slow), 10)


def test_a_client_that_leaves_in_the_middle_harms_none(http: Http) -> None:
    head = f"POST {SEND} HTTP/1.1\r\nHost: {http.address.netloc}\r\nContent-Type: application/json\r\n"
    accept = "Accept: text/event-stream"
    stream = f"GET /api/events?after=0 HTTP/1.1\r\nHost: {http.address.netloc}\r\n{accept}\r\n\r\n"
    for _ in range(20):
        with idle_connections(http, 1, f"{head}Content-Length: 100\r\n\r\n{{".encode()):
            pass
        with idle_connections(http, 1, stream.encode()):
            pass
    until(lambda: http.get("/api/node").json["streams"] == 0, 10)


def test_what_is_not_http_is_refused(http: Http) -> None:
    for said in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 1_000, b"GET / HTTP/9.9\r\n\r\n"):
        answer = raw(http, said + b"\r\n\r\n")
        assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0] or b" 421 " in answer.split(b"\r\n")[0]
    assert http.get("/health/live").status == 200


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/api/node", "HTTP://u@{host}/api/node", "http://{host}.evil/api/node", "http:///"],
)
def test_a_target_that_names_another_host_is_refused(http: Http, target: str) -> None:
    own = http.address.netloc
    answer = raw(http, f"GET {target.format(host=own)} HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
    assert answer.split()[1] in (b"400", b"421")
    answer = raw(http, f"GET http://{own}/health/live HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
    assert answer.split()[1] == b"200"


@pytest.mark.parametrize(
    "path",
    [
        "/api%2fnode",
        "/api%2Fnode",
        "/%61pi/node",
        "/api/nod%65",
        "/api%5cnode",
        "/api%252fnode",
        "/api/%2e/node",
        "/api/node#x",
        "/api/aggregates%2Fx",
        "/api/aggregates/%zz",
        "/api/aggregates/%ff",
        "/api/aggregates/%",
    ],
)
def test_a_path_that_another_program_may_read_otherwise_is_refused(http: Http, path: str) -> None:
    assert b" 400 " in raw(http, f"GET {path} HTTP/1.1\r\nHost: {http.address.netloc}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "Last-Event-ID",
        "Transfer-Encoding",
        "X-Forwarded-Proto",
    ],
)
def test_a_header_of_which_a_proxy_might_take_the_other_is_refused_twice(http: Http, name: str) -> None:
    values = ("identity", "chunked") if name == "Transfer-Encoding" else ("Bearer x", "Bearer y")
    twice = "".join(f"{name}: {value}\r\n" for value in values)
    head = f"POST {SEND} HTTP/1.1\r\nHost: {http.address.netloc}\r\nContent-Type: application/json\r\n"
    body = "\r\n2\r\n{}\r\n0\r\n\r\n" if name == "Transfer-Encoding" else "Content-Length: 2\r\n\r\n{}"
    answer = raw(http, f"{head}{twice}{body}".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"is there twice" in answer


def test_lengths_that_disagree_are_refused_and_nothing_of_them_is_a_request(http: Http) -> None:
    head = f"POST {SEND} HTTP/1.1\r\nHost: {http.address.netloc}\r\nContent-Type: application/json\r\n"
    inner = f"GET /api/node HTTP/1.1\r\nHost: {http.address.netloc}\r\n\r\n"
    for lengths in (
        "Content-Length: 2\r\nContent-Length: 5",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Content-Length: -1",
        "Content-Length: +2",
    ):
        answer = raw(http, f"{head}{lengths}\r\n\r\n0\r\n\r\n{inner}".encode())
        assert answer.startswith(b"HTTP/1.1 400 "), lengths
        assert answer.count(b"HTTP/1.1 ") == 1, lengths


def test_a_body_that_is_said_to_be_packed_is_refused(http: Http) -> None:
    answer = http.post(SEND, {"aggregate": "packed", "sender": "a"}, Content_Encoding="gzip")
    assert (answer.status, answer.code) == (415, "not-json")


def test_what_is_not_http_writes_nothing_into_the_log(node: Node, http: Http) -> None:
    head = f"GET / HTTP/1.1\r\nHost: {http.address.netloc}\r\n"
    upgrade = f"{head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    before = node.log.stat().st_size if node.log else 0
    for _ in range(3):
        raw(http, b"GET\r\n\r\n")
        raw(http, upgrade.encode())
    added = node.log.read_bytes()[before:] if node.log else b""
    assert b"Invalid HTTP" not in added
    assert b"WebSocket" not in added


def test_headers_without_end_are_cut_off(http: Http) -> None:
    began = time.monotonic()
    answer = raw(http, b"GET / HTTP/1.1\r\nX: " + b"x" * (2 << 20))
    assert time.monotonic() - began < 5
    assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0] or b" 431 " in answer.split(b"\r\n")[0]


def test_a_gateway_under_load_slows_no_client_of_the_sockets_to_a_stop(node: Node, http: Http) -> None:
    http.send("parcel.send", "load", sender="ann")
    with http.stream("/api/events?after=0"), Client(node.endpoints) as client:
        many = [{"type": "parcel.ask", "aggregate": "load"}] * 2_000
        assert all(receipt["outcome"] == "committed" for receipt in http.post("/api/commands", many).json)
        assert client.send(AskForParcel("load")).ok


def raw(http: Http, said: bytes) -> bytes:
    """What comes back to bytes as they are, until the other end has ended or says no more."""
    with socket.create_connection((http.address.hostname, http.address.port), 15) as client:
        with contextlib.suppress(OSError):
            client.sendall(said)
        answer = b""
        with contextlib.suppress(OSError):
            while piece := client.recv(65_536):
                answer += piece
                if b"\r\n\r\n" in answer:
                    break
        return answer + rest(client)


def rest(client: socket.socket) -> bytes:
    client.settimeout(0.5)
    with contextlib.suppress(OSError):
        return client.recv(65_536)
    return b""


def ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
