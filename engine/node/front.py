"""The front of a node: where HTTP is served, if it is, and what must hold before it may be.

    setting                           loopback                 any other address
    -------------------------------------------------------------------------------------------------------
    http                              HOST:PORT                HOST:PORT
    http_certificate and http_key     if wanted                these, or http_proxy
    http_proxy                        if wanted                the address of the proxy that ends TLS
    http_hosts                        further names            at least one: the name that clients use
    a token                           if wanted                at least one, or no request could be more than
                                                               a stranger's

A host is a name or an IP address; IPv6 stands in brackets, as in a URL. Port 0 takes a free one.
"""

import ipaddress
import re
import socket
from typing import NamedTuple, Protocol

from engine.base.errors import ConfigError

EXAMPLE = "for example 127.0.0.1:7380; port 0 takes a free one"
WAITING = 1024  # connections that the system keeps while the gateway is started again


class Settings(Protocol):
    """The settings that the front depends on: `engine.node.config.Config`."""

    @property
    def http(self) -> str: ...
    @property
    def http_hosts(self) -> str: ...
    @property
    def http_certificate(self) -> str: ...
    @property
    def http_key(self) -> str: ...
    @property
    def http_proxy(self) -> str: ...


class Front(NamedTuple):
    """An address. `host` without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def text(self) -> str:
        """As it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def front_of(text: str) -> Front:
    """The address in the setting `http`. Raises ConfigError."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})", text)
    if not match or not 0 <= int(match[3]) < 65536:
        raise ConfigError("http must be HOST:PORT", http=text, hint=EXAMPLE)
    return Front(match[1] or match[2], int(match[3]))


def names_of(text: str) -> tuple[str, ...]:
    """The names in the setting `http_hosts`. Raises ConfigError."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", name):
            hint = "names by commas, such as tickets.example or tickets.example:8443"
            raise ConfigError("http_hosts has what is not the name of a host", name=name, hint=hint)
    return names


def check_front(settings: Settings) -> None:
    """Refuses what could not work, or would be open to a network without protection."""
    names = names_of(settings.http_hosts)
    if bool(settings.http_certificate) != bool(settings.http_key):
        raise ConfigError("http_certificate and http_key need each other")
    if settings.http_proxy:
        try:
            ipaddress.ip_address(settings.http_proxy)
        except ValueError:
            text, hint = "http_proxy is not an address", "its IP address, from which its requests come"
            raise ConfigError(text, http_proxy=settings.http_proxy, hint=hint) from None
    if not settings.http:
        return
    if front_of(settings.http).is_loopback:
        return
    if not settings.http_certificate and not settings.http_proxy:
        text = "HTTP beyond this machine needs TLS: set http_certificate and http_key, or http_proxy"
        raise ConfigError(text, http=settings.http)
    if not names:
        text = "HTTP beyond this machine needs http_hosts, the names by which clients may call it"
        raise ConfigError(text, http=settings.http)


def expect_certificate(settings: Settings) -> None:
    """ConfigError if certificate and key are named and cannot be used."""
    if not settings.http_certificate:
        return
    import ssl  # here, as few nodes need it

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.http_certificate, settings.http_key)
    except (OSError, ValueError) as error:
        text = "http_certificate and http_key cannot be used"
        raise ConfigError(text, http_certificate=settings.http_certificate, error=error) from None


def listening(front: Front) -> socket.socket:
    """A socket that listens there. The supervisor keeps it, so that connections wait while the gateway is
    started again. Raises ConfigError."""
    try:
        found = socket.getaddrinfo(front.host, front.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError("http is an address that cannot be used", http=front.text, error=error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(WAITING)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        text = "http is an address that cannot be used"
        raise ConfigError(text, http=front.text, error=error.strerror) from None
    return listener


def url_of(listener: socket.socket, front: Front, *, tls: bool) -> str:
    """Where the socket is reached."""
    bound = Front(front.host, listener.getsockname()[1])
    return f"{'https' if tls else 'http'}://{bound.text}"
