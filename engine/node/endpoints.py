"""The endpoints of a running node: `endpoints.json` in its data directory, for clients in any language.

The file exists while the node runs; docs/PROTOCOL.md says what each field means to a client.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from engine.base.durable import read_file, replace_file


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints are ZeroMQ's: ipc://PATH or tcp://HOST:PORT."""

    commands: str
    queries: dict[str, str]
    """by view"""
    process_managers: dict[str, str]
    """by name; they answer queries as views do"""
    reads: str
    events: list[str]
    """by partition"""
    max_message_bytes: int
    max_commands_per_message: int
    max_in_flight_per_client: int
    status: str
    """path of the status page"""
    data: str
    app: str
    partitions: int
    pid: int
    workers: dict[str, str] = {}
    """by name; they answer queries as views do"""
    http: str = ""
    """URL of the gateway; empty: HTTP is not served"""
    cluster: str = ""
    """the same for all nodes of a cluster, and for no others; empty: the node is alone"""

    @property
    def run(self) -> Path:
        """The run directory, in which the status page lies."""
        return Path(self.status).parent


def cluster_mark(name: str, index_key: str) -> str:
    """What `cluster` says for a cluster of this name, whose founding made this key."""
    return sha256(f"{name} {index_key}".encode()).hexdigest()[:16]


class Ready(Endpoints, frozen=True, kw_only=True):
    """What the ready line of `serve --json` says."""

    ready: bool  # always true: what tells the line from others; older msgspecs know no Literal[True]


class Announced(msgspec.Struct, frozen=True):
    """The ready line of `serve --json`, in the schema of every command."""

    version: int
    data: Ready
    diagnostics: list[Any]


def write_endpoints(path: Path, endpoints: Endpoints) -> None:
    """Replaces the file. Raises OSError."""
    replace_file(path, msgspec.json.format(msgspec.json.encode(endpoints), indent=1) + b"\n")


def read_endpoints(path: Path) -> Endpoints:
    """What the file says. Raises OSError, or one of NOT_DECODABLE."""
    return msgspec.json.decode(read_file(path), type=Endpoints)
