"""The description of a node: what the supervisor tells its processes, in `node.json` of the run directory."""

from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_file
from engine.base.errors import ConfigError, Fault
from engine.model.app import Engine
from engine.model.loading import load_app
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints
from engine.node.meters import MeterPage
from engine.node.roles import Ring, Role


class NodeDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One node. `config.partitions` is the number that the data directory has.

    `bells`: the descriptors of the wake-up of each process of the pipeline, which every process inherits.
    `http_fd`: the same of the socket on which HTTP is served. `origins`: where each setting came from.
    """

    run: str
    endpoints: Endpoints
    config: Config
    app: str
    """module:name of the application"""
    app_settings: dict[str, str]
    roles: list[Role]
    bells: dict[str, tuple[int, ...]]
    http_fd: int = -1
    origins: dict[str, str] = {}
    code: str = ""
    """mark of the application's code that decides, in hex; of a node of a cluster"""

    @property
    def data(self) -> DataDirectory:
        """Where the node keeps what is durable."""
        return DataDirectory(Path(self.endpoints.data), self.config.map_bytes)

    def role(self, name: str) -> Role:
        """The role of that name. Raises ConfigError."""
        for role in self.roles:
            if role.name == name:
                return role
        raise ConfigError("this node has no such process", name=name)

    def meters(self) -> MeterPage:
        """What its processes count. Raises Fault if the node is gone."""
        return MeterPage.attach(Path(self.run) / "meters", self.roles)

    def ring(self, ring: Ring, partition: int) -> Path:
        """The file of a ring."""
        return ring_path(Path(self.run), ring, partition)

    def load_app(self) -> Engine:
        """The application of the node, checked."""
        return load_app(self.app, self.app_settings)


def ring_path(run: Path, ring: Ring, partition: int) -> Path:
    """The file of a ring in the run directory of a node."""
    return run / "rings" / f"{ring.name}-{partition}"


def read_description(run: Path) -> NodeDescription:
    """What the supervisor wrote. Raises Fault."""
    path = run / "node.json"
    try:
        return msgspec.json.decode(read_file(path), type=NodeDescription)
    except (OSError, *NOT_DECODABLE) as error:
        raise Fault("the description of the node cannot be read", path=path, error=error) from None


def write_description(path: Path, description: NodeDescription) -> None:
    """Writes it, readable by people. It is not flushed, because it only lives as long as the node."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(description), indent=1))
