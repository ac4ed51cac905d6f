"""Hosts: by which names the gateway may be called, and from which pages.

A page of another site can make a browser send requests here, and can have its own name lead to 127.0.0.1. So
Host must be one of the names that are known, letter by letter, and Origin, where there is one, must be this
gateway itself. What a forged Host would make of a URL is never looked at.
"""

from engine.gateway.problems import Problem
from engine.node.config import Config
from engine.node.front import front_of, names_of

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Hosts:
    """The names of one gateway. `url`: where it listens."""

    def __init__(self, config: Config, url: str) -> None:
        scheme, _, at = url.partition("://")
        host, _, port = at.rpartition(":")
        names = {at, *names_of(config.http_hosts)}
        if front_of(config.http).is_loopback:
            names |= {f"{name}:{port}" for name in LOOPBACK}
        if port == ("443" if scheme == "https" else "80"):
            names.add(host)
        self.names = frozenset(name.lower() for name in names)
        schemes = ("http", "https") if config.http_proxy else (scheme,)
        self.origins = frozenset(f"{scheme}://{name}" for scheme in schemes for name in self.names)

    def check(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Raises Problem for a request that is for another host, or from another site."""
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in self.names:
            raise Problem("unknown-host", "the Host header names none of the hosts of this node")
        for name, value in headers:
            if name == b"origin" and value.decode("latin-1").lower() not in self.origins:
                raise Problem("foreign-origin", "the request comes from a page of another site")
            if name == b"sec-fetch-site" and value == b"cross-site" and not _leads_here(headers):
                raise Problem("foreign-origin", "the request comes from a page of another site")


def _leads_here(headers: list[tuple[bytes, bytes]]) -> bool:
    """True for a link that was followed from another site."""
    return (b"sec-fetch-mode", b"navigate") in headers
