"""Asking a view or a process manager of a running node what an operator wants to know."""

from typing import Any, NamedTuple

from engine.base.errors import ConfigError, RingfoldError


class Follower(NamedTuple):
    """A view or a process manager, and where it answers."""

    kind: str
    name: str
    endpoint: str


def followers(node: dict[str, Any], name: str | None = None) -> list[Follower]:
    """All of a node, or the one that is meant: by its name, or as process-manager:NAME where a view has that
    name too. ConfigError if there is none."""
    found = [Follower("view", view, endpoint) for view, endpoint in node["queries"].items()]
    found += [
        Follower("process-manager", one, endpoint) for one, endpoint in node["process_managers"].items()
    ]
    if name is None:
        return found
    for follower in found:
        if name in (follower.name, f"{follower.kind}:{follower.name}"):
            return [follower]
    known = ", ".join(follower.name for follower in found) or "none"
    raise ConfigError("there is no such view or process manager", name=name, known=known)


def ask(follower: Follower, query: str, args: Any = None, timeout_s: float = 5.0) -> Any:
    """Its answer. Raises ConfigError if it refuses, RingfoldError (try again) if it does not answer."""
    # Imported here: to list followers, or to look at a node that has none, no socket is needed.
    from engine.client.receipts import QueryRefused
    from engine.client.sync import Client

    with Client({"commands": follower.endpoint, "queries": {"": follower.endpoint}}) as client:
        try:
            return client.query("", query, args, timeout_s=timeout_s)
        except QueryRefused as error:
            raise ConfigError(error.args[0], **{follower.kind: follower.name}) from None
        except TimeoutError:
            raise RingfoldError(f"no answer within {timeout_s} s", **{follower.kind: follower.name}) from None
