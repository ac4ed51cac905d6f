"""The address of the gateway: what it may be, and what must hold beyond loopback."""

from contextlib import closing

import msgspec
import pytest

from engine import ConfigError
from engine.node.config import Config
from engine.node.front import Front, check_front, front_of, listening, names_of, url_of


@pytest.mark.parametrize(
    ("text", "front", "loopback"),
    [
        ("127.0.0.1:7380", Front("127.0.0.1", 7380), True),
        ("127.8.8.8:0", Front("127.8.8.8", 0), True),
        ("localhost:80", Front("localhost", 80), True),
        ("[::1]:80", Front("::1", 80), True),
        ("0.0.0.0:80", Front("0.0.0.0", 80), False),
        ("[::]:80", Front("::", 80), False),
        ("127.0.0.1.evil.example:80", Front("127.0.0.1.evil.example", 80), False),
        ("localhost.evil.example:80", Front("localhost.evil.example", 80), False),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, front: Front, loopback: bool) -> None:
    assert front_of(text) == front
    assert front.is_loopback is loopback
    assert front.text == text


@pytest.mark.parametrize(
    "text", ["7380", ":80", "host", "host:", "host:99999", "http://host:80", "::1:80", "a b:1"]
)
def test_what_is_not_an_address_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        front_of(text)


def test_names_stand_between_commas() -> None:
    assert names_of(" A.example , b.example:8443,") == ("a.example", "b.example:8443")
    assert names_of("") == ()


def test_beyond_loopback_tls_and_names_are_needed() -> None:
    for more in ({}, {"http_hosts": "x.example"}, {"http_proxy": "10.0.0.1"}):
        with pytest.raises(ConfigError, match="HTTP beyond this machine"):
            check_front(settings(http="0.0.0.0:443", **more))
    proxied, own = {"http_proxy": "10.0.0.1"}, {"http_certificate": "c", "http_key": "k"}
    for enough in (proxied, own):
        check_front(settings(http="0.0.0.0:443", http_hosts="x.example", **enough))
    check_front(settings(http="127.0.0.1:0"))
    check_front(Config())


def settings(**given: str) -> Config:
    return msgspec.convert(given, Config)


def test_port_0_takes_a_free_one_and_a_taken_one_is_one_line() -> None:
    with closing(listening(Front("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener, Front("127.0.0.1", 0), tls=False) == f"http://127.0.0.1:{port}"
        assert url_of(listener, Front("localhost", 0), tls=True) == f"https://localhost:{port}"
        with pytest.raises(ConfigError, match="cannot be used"):
            listening(Front("127.0.0.1", port))
