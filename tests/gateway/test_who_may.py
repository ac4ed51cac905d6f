"""Who may: roles by token, what is one's own, visitors of pages, and what operators did."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Node
from tests.acceptance.kit import ROOT, clean_environment, one_line
from tests.deadline import until
from tests.gateway.http import Answer, Http, gateway
from tests.gateway.parcels import APP


def ringfold(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
    )


def new_token(node: Node, name: str, role: str, subject: str = "") -> str:
    done = ringfold("tokens", "new", name, "--role", role, "--subject", subject, "--data", str(node.data))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Http, Http, Http, Http]]:
    """A node with tokens: (node, stranger, ann, bob, operator)."""
    with gateway(tmp_path_factory.mktemp("tokens")) as (node, http):
        ann = http.with_token(new_token(node, "ann", "user", "ann"))
        bob = http.with_token(new_token(node, "bob", "user", "bob"))
        boss = http.with_token(new_token(node, "boss", "operator"))
        yield node, http, ann, bob, boss


def test_a_node_without_tokens_is_open_and_the_first_token_ends_that(tmp_path: Path) -> None:
    with gateway(tmp_path) as (node, http):
        assert http.get("/api/node").status == 200
        token = new_token(node, "boss", "operator")
        assert http.get("/api/node").code == "no-token"
        assert http.with_token(token).get("/api/node").status == 200


def test_a_stranger_may_what_is_public_and_nothing_else(site: tuple[Node, Http, Http, Http, Http]) -> None:
    _, stranger, ann, _, _ = site
    ann.send("parcel.send", "public-1", sender="ann")
    assert stranger.send("parcel.ask", "public-1").status == 200
    assert stranger.get("/api/views/parcels/parcel?parcel=public-1").status == 200
    assert stranger.get("/health/ready").status == 200
    assert stranger.get("/openapi.json").status == 200
    answers = [
        stranger.send("parcel.send", "public-2", sender="ann"),
        stranger.send("parcel.move", "public-1", place="x"),
        stranger.get("/api/views/parcels/sent_by?sender=ann"),
        *(stranger.get(path) for path in OPERATORS),
        *(stranger.post(path, {"aggregate": "x"}) for path in ACTIONS),
    ]
    assert [(answer.status, answer.code) for answer in answers] == [(401, "no-token")] * len(answers)
    assert answers[0].headers["www-authenticate"].startswith("Bearer")


OPERATORS = (
    "/api/events",
    "/api/aggregates/public-1",
    f"/api/trace/{'0' * 32}",
    "/api/node",
    "/api/node/settings",
    "/api/node/views",
    "/api/node/dead-letters",
    "/api/node/process-managers",
    "/api/node/process-managers/clerk/instances/x",
    "/api/node/audit",
    "/metrics",
)
ACTIONS = (
    "/api/node/views/parcels/rebuild",
    "/api/node/dead-letters/parcels/retry",
    "/api/node/dead-letters/parcels/drop",
)


def test_a_user_may_what_is_its_own_alone(site: tuple[Node, Http, Http, Http, Http]) -> None:
    _, _, ann, bob, _ = site
    assert ann.send("parcel.send", "own-1", sender="ann").status == 200
    assert bob.send("parcel.send", "own-2", sender="ann").code == "not-yours"
    assert ann.get("/api/views/parcels/sent_by?sender=ann").status == 200
    assert bob.get("/api/views/parcels/sent_by?sender=ann").code == "not-yours"
    refused = [bob.send("parcel.move", "own-1", place="x"), *map(bob.get, OPERATORS)]
    refused += [bob.post(path, {"aggregate": "x"}) for path in ACTIONS]
    assert {answer.code for answer in refused} == {"not-allowed"}


def test_one_command_of_another_in_an_array_refuses_the_array(
    site: tuple[Node, Http, Http, Http, Http],
) -> None:
    _, _, ann, _, boss = site
    mine = {"type": "parcel.send", "aggregate": "array-1", "sender": "ann"}
    answer = ann.post("/api/commands", [mine, mine | {"aggregate": "array-2", "sender": "bob"}])
    assert (answer.status, answer.code, answer.json["index"]) == (403, "not-yours", 1)
    assert boss.get("/api/aggregates/array-1").code == "not-found"


def test_a_field_that_is_there_twice_is_checked_as_it_is_used(
    site: tuple[Node, Http, Http, Http, Http],
) -> None:
    _, _, ann, _, boss = site
    twice = b'{"aggregate":"twice","sender":"ann","sender":"bob"}'
    assert ann.post("/api/commands/parcel.send", twice).code == "not-yours"
    twice = b'{"aggregate":"twice","sender":"bob","sender":"ann"}'
    assert ann.post("/api/commands/parcel.send", twice).status == 200
    assert boss.get("/api/aggregates/twice").json["state"]["sender"] == "ann"
    types = b'{"type":"parcel.ask","type":"parcel.move","aggregate":"twice","place":"x"}'
    assert ann.post("/api/commands", types).status == 400
    types = b'{"type":"parcel.move","type":"parcel.ask","aggregate":"twice","place":"x"}'
    assert ann.post("/api/commands", types).status == 400


def test_two_users_with_one_key_are_two_commands(site: tuple[Node, Http, Http, Http, Http]) -> None:
    _, _, ann, bob, _ = site
    path, key = "/api/commands/parcel.send", "order 1"
    first = ann.post(path, {"aggregate": "key-ann", "sender": "ann"}, Idempotency_Key=key)
    second = bob.post(path, {"aggregate": "key-bob", "sender": "bob"}, Idempotency_Key=key)
    assert (first.status, second.status) == (200, 200)
    assert first.json["id"] != second.json["id"]


def test_an_operator_may_everything_in_the_name_of_anyone(site: tuple[Node, Http, Http, Http, Http]) -> None:
    _, _, _, _, boss = site
    assert boss.send("parcel.send", "boss-1", sender="ann").status == 200
    assert boss.send("parcel.move", "boss-1", place="x").status == 200
    assert boss.get("/api/views/parcels/secret").code == "not-allowed"  # for no one outside


def test_a_wrong_token_is_refused_even_where_none_is_needed(
    site: tuple[Node, Http, Http, Http, Http],
) -> None:
    _, stranger, _, _, _ = site
    for shown in ("Bearer rf_wrong", "Bearer", "Basic YTpi", "Bearer " + "x" * 5_000, "Bearer \xff"):
        answer = stranger.get("/health/live", Authorization=shown)
        assert (answer.status, answer.code) == (401, "bad-token")


def test_a_token_is_refused_from_its_revocation_on(site: tuple[Node, Http, Http, Http, Http]) -> None:
    node, http, _, _, _ = site
    eve = http.with_token(new_token(node, "eve", "operator"))
    assert eve.get("/api/node").status == 200
    assert ringfold("tokens", "revoke", "eve", "--data", str(node.data)).returncode == 0
    assert eve.get("/api/node").code == "bad-token"
    listed = ringfold("tokens", "list", "--data", str(node.data)).stdout
    assert "eve: operator, revoked" in listed
    assert "ann: user of ann, valid" in listed


def test_no_file_of_the_data_directory_holds_a_token(site: tuple[Node, Http, Http, Http, Http]) -> None:
    node, _, ann, _, _ = site
    shown = ann.headers["Authorization"].removeprefix("Bearer ").encode()
    for path in node.data.rglob("*"):
        if path.is_file() and path.stat().st_size < 8 << 20:
            assert shown not in path.read_bytes(), path
    assert (node.data / "tokens.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("new", "x", "--role", "user"), "a token of a user says whose it is"),
        (("new", "ann", "--role", "operator"), "there is a token of this name"),
        (("new", "a b", "--role", "operator"), "the name of a token"),
        (("revoke", "no-one"), "there is no such token"),
    ],
)
def test_what_makes_no_token_is_one_line(
    site: tuple[Node, Http, Http, Http, Http], arguments: tuple[str, ...], text: str
) -> None:
    done = ringfold("tokens", *arguments, "--data", str(site[0].data))
    assert done.returncode == 2
    assert text in one_line(done.stderr)


def test_what_operators_do_is_noted_with_who_and_how_it_ended(
    site: tuple[Node, Http, Http, Http, Http],
) -> None:
    node, _, ann, _, boss = site
    ann.send("parcel.send", "noted", sender="ann")
    assert boss.post("/api/node/dead-letters/parcels/drop", {"aggregate": "noted"}).code == "not-set-aside"
    assert boss.post("/api/node/dead-letters/parcels/retry", {}).json == []
    noted = [line for line in boss.get("/api/node/audit").json if line["action"].startswith("dead-letter")]
    told = [(line["who"], line["action"], line["what"], line["outcome"]) for line in noted]
    assert told[:4] == [
        ("boss", "dead-letter retry", "parcels", "ok"),
        ("boss", "dead-letter retry", "parcels", "tried"),
        ("boss", "dead-letter drop", "parcels noted", "not-set-aside"),
        ("boss", "dead-letter drop", "parcels noted", "tried"),
    ]
    done = ringfold("audit", "--data", str(node.data), "--json")
    lines = [json.loads(line)["data"] for line in done.stdout.splitlines()]
    assert next(line for line in lines if line["action"] == "token new")["what"] == "ann user"
    assert (
        "boss from 127.0.0.1  dead-letter retry parcels: ok"
        in ringfold("audit", "--data", str(node.data)).stdout
    )


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_visitor_of_a_page_gets_a_token_of_its_own(site: tuple[Node, Http, Http, Http, Http]) -> None:
    node, stranger, ann, _, _ = site
    page = stranger.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "HttpOnly; SameSite=Lax" in page.headers["set-cookie"]
    cookie = cookie_of(page)
    visitor = Http(stranger.url, {"Cookie": f"other=1; {cookie}"})
    subject = cookie.partition("=")[2].split(".")[0]
    assert subject.startswith("visitor-")
    assert visitor.send("parcel.send", "visit-1", sender=subject).status == 200
    assert visitor.send("parcel.send", "visit-2", sender="ann").code == "not-yours"
    assert visitor.get("/api/node").code == "not-allowed"
    assert "set-cookie" not in visitor.get("/").headers
    assert "set-cookie" not in ann.get("/").headers
    assert "set-cookie" not in stranger.get("/app.js").headers
    assert cookie_of(stranger.get("/")) != cookie
    forged = Http(stranger.url, {"Cookie": cookie.replace(subject, "ann")})
    assert forged.send("parcel.send", "visit-3", sender="ann").code == "no-token"
    assert ringfold("tokens", "revoke", "visitors", "--data", str(node.data)).returncode == 0
    assert visitor.send("parcel.send", "visit-4", sender=subject).code == "no-token"


def test_a_visitor_of_an_open_node_is_held_to_what_is_its_own(tmp_path: Path) -> None:
    with gateway(tmp_path) as (_, http):
        cookie = cookie_of(http.get("/"))
        visitor = Http(http.url, {"Cookie": cookie})
        assert visitor.send("parcel.send", "p-1", sender="ann").code == "not-yours"
        assert visitor.get("/api/node").status == 200


def test_pages_are_served_by_their_exact_paths_and_nothing_else_is(http: Http) -> None:
    script = http.get("/app.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "包裹" in script.body.decode()
    assert http.get("/app.js", If_None_Match=script.headers["etag"]).status == 304
    assert http.get("/deep/").status == 200
    for path in (
        "/../pages/app.js", "/__init__.py", "/deep", "//app.js", "/deep/../app.js", "/%2e%2e/app.js",
        "/..%2fparcels.py", "/app.js/", "/app.js%00", "/etc/passwd", "/deep/%2e%2e/%2e%2e/parcels.py",
    ):  # fmt: skip
        assert http.get(path).status in (400, 404), path


def test_every_answer_has_a_policy_that_lets_nothing_else_in(http: Http) -> None:
    for answer in (http.get("/"), http.get("/api/node"), http.get("/no"), http.post("/api/commands", {})):
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_tokens_are_for_a_data_directory(tmp_path: Path) -> None:
    done = ringfold("tokens", "new", "x", "--role", "operator", "--data", str(tmp_path))
    assert (done.returncode, "this is not a data directory" in one_line(done.stderr)) == (2, True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"http": "nowhere"}, "http must be HOST:PORT"),
        ({"http": "127.0.0.1:70000"}, "http must be HOST:PORT"),
        ({"http": "0.0.0.0:0"}, "HTTP beyond this machine needs TLS"),
        ({"http": "0.0.0.0:0", "http_proxy": "10.0.0.1"}, "needs http_hosts"),
        ({"http": "0.0.0.0:0", "http_proxy": "proxy"}, "http_proxy is not an address"),
        ({"http": "0.0.0.0:0", "http_proxy": "10.0.0.1", "http_hosts": "x.example"}, "needs a token"),
        ({"http": "127.0.0.1:0", "http_hosts": "http://x"}, "http_hosts has what is not the name"),
        ({"http": "127.0.0.1:0", "http_key": "x"}, "http_certificate and http_key need each other"),
        ({"http": "127.0.0.1:0", "http_certificate": "/no", "http_key": "/no"}, "cannot be used"),
        ({"http": "203.0.113.1:0", "http_proxy": "10.0.0.1", "http_hosts": "x.example"}, "HTTP beyond"),
    ],
)
def test_what_would_be_open_or_cannot_work_ends_the_start_in_one_line(
    tmp_path: Path, settings: dict[str, str], text: str
) -> None:
    done = ringfold("serve", "--app", APP, "--data", str(tmp_path / "data"), *flags(settings))
    assert done.returncode == 2
    assert text in one_line(done.stderr.splitlines()[-1])


def flags(settings: dict[str, Any]) -> list[str]:
    return [f"--set={name}={value}" for name, value in settings.items()]


def test_an_address_that_is_taken_ends_the_start_in_one_line(tmp_path: Path, http: Http) -> None:
    address = f"{http.address.hostname}:{http.address.port}"
    done = ringfold("serve", "--app", APP, "--data", str(tmp_path / "data"), f"--http={address}")
    assert done.returncode == 2
    assert "http is an address that cannot be used" in one_line(done.stderr.splitlines()[-1])


def test_a_node_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    hidden = (
        "import importlib.util, sys; real = importlib.util.find_spec;"
        "import engine.node.extras as extras;"
        "extras.find_spec = lambda name: None if name == 'uvicorn' else real(name);"
        "from engine.cli import main; sys.exit(main())"
    )
    arguments = ["serve", "--app", APP, "--data", str(tmp_path / "data"), "--http", "127.0.0.1:0"]
    done = subprocess.run(
        [sys.executable, "-c", hidden, *arguments],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 2
    assert "HTTP needs packages that are not installed (missing=uvicorn); pip install" in one_line(
        done.stderr
    )


def test_a_node_behind_a_proxy_takes_what_came_by_tls_and_needs_a_token(tmp_path: Path) -> None:
    settings = {"http_proxy": "127.0.0.1", "http_hosts": "parcels.example"}
    with gateway(tmp_path, **settings) as (node, http):
        named = {"Host": "parcels.example", "X-Forwarded-Proto": "https"}
        proxied = Http(http.url, named)
        assert http.get("/health/live").code == "insecure"
        assert proxied.get("/health/live").status == 200
        assert proxied.get("/api/node").code == "no-token"
        assert "; Secure" in proxied.get("/").headers["set-cookie"]
        boss = proxied.with_token(new_token(node, "boss", "operator"))
        assert boss.get("/api/node", Origin="https://parcels.example").status == 200
        assert boss.get("/api/node", Origin="https://evil.example").code == "foreign-origin"


def test_callers_are_counted_by_token_and_address(site: tuple[Node, Http, Http, Http, Http]) -> None:
    _, stranger, ann, _, boss = site
    many = [{"type": "parcel.send", "aggregate": f"count-{n}", "sender": "ann"} for n in range(300)]
    assert ann.post("/api/commands", many).status == 200
    for _ in range(5):
        assert stranger.get("/api/node").status == 401

    def named() -> bool:
        senders = boss.get("/api/node").json["senders"]
        found = {one["name"]: one for one in senders["gateway"]}
        mine, theirs = found.get("ann from 127.0.0.1"), found.get("no token from 127.0.0.1")
        return bool(
            mine
            and mine["per_s"] >= 30
            and theirs
            and theirs["turned_away_per_s"] >= 0.5
            and any(one["pid"] for one in senders["input"])
        )

    until(named, 20, "each is named")
