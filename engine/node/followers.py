"""The followers of a running node: its views, process managers and workers, and where each answers."""

from typing import NamedTuple

from engine.base.errors import ConfigError
from engine.node.endpoints import Endpoints
from engine.node.roles import Kind, Role

KINDS = {"view": Kind.PROJECTOR, "process-manager": Kind.MANAGER, "worker": Kind.WORKER}


class Follower(NamedTuple):
    """A view, process manager or worker, and where it answers."""

    kind: str
    name: str
    endpoint: str

    @property
    def role(self) -> Role:
        """Of the process that answers."""
        return Role(KINDS[self.kind], subject=self.name)


def followers(node: Endpoints, name: str | None = None) -> list[Follower]:
    """All of a node, or the one that is meant: by its name, or as process-manager:NAME where a view has that
    name too. ConfigError if there is none."""
    candidates = [Follower("view", view, endpoint) for view, endpoint in node.queries.items()]
    candidates += [
        Follower("process-manager", one, endpoint) for one, endpoint in node.process_managers.items()
    ]
    candidates += [Follower("worker", one, endpoint) for one, endpoint in node.workers.items()]
    if name is None:
        return candidates
    for follower in candidates:
        if name in (follower.name, f"{follower.kind}:{follower.name}"):
            return [follower]
    known = ", ".join(follower.name for follower in candidates) or "none"
    raise ConfigError("there is no such view, process manager or worker", name=name, known=known)
