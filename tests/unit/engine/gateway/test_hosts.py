"""Hosts and origins: known letter by letter, or refused."""

import msgspec
import pytest

from engine.gateway.hosts import Hosts
from engine.gateway.problems import Problem
from engine.node.config import Config


def hosts(url: str, **settings: str) -> Hosts:
    return Hosts(msgspec.convert(settings, Config), url)


def refused(known: Hosts, **headers: str) -> str:
    try:
        known.check([(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()])
    except Problem as problem:
        return problem.code
    return ""


def test_on_loopback_its_names_are_known_with_the_port() -> None:
    known = hosts("http://127.0.0.1:80", http="127.0.0.1:0")
    assert known.names == {"127.0.0.1:80", "localhost:80", "[::1]:80", "127.0.0.1"}


def test_beyond_it_the_names_that_are_set_are() -> None:
    known = hosts("https://0.0.0.0:443", http="0.0.0.0:443", http_hosts="A.example, b.example:8443")
    assert not refused(known, host="a.example", origin="https://a.example")
    assert not refused(known, host="B.example:8443")
    assert refused(known, host="localhost:443") == "unknown-host"
    assert refused(known, host="a.example:443") == "unknown-host"
    assert refused(known, host="a.example", origin="http://a.example") == "foreign-origin"


def test_behind_a_proxy_pages_come_by_either_scheme() -> None:
    known = hosts("http://127.0.0.1:1", http="127.0.0.1:1", http_hosts="a.example", http_proxy="127.0.0.1")
    assert not refused(known, host="a.example", origin="https://a.example")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unknown-host"),
        ({"host": "127.0.0.1:1", "origin": "null"}, "foreign-origin"),
        ({"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1.evil.example"}, "foreign-origin"),
        ({"host": "127.0.0.1:1", "sec_fetch_site": "cross-site"}, "foreign-origin"),
        ({"host": "127.0.0.1:1", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, ""),
        ({"host": "127.0.0.1:1", "sec_fetch_site": "same-origin"}, ""),
        ({"host": "127.0.0.1:1", "origin": "http://localhost:1"}, ""),
    ],
)
def test_what_comes_from_elsewhere_is_refused(headers: dict[str, str], code: str) -> None:
    assert refused(hosts("http://127.0.0.1:1", http="127.0.0.1:1"), **headers) == code
