"""The gates that a client knows: that of one node, or those of several nodes of one cluster.

It uses one, and stays with it. When that is silent, or has been full for long, it is knocked at, and then the
others; the client goes on at the first that answers.

    in use ──silent──▶ knocked at ──answers──▶ in use: it only had nothing to say
                          │
                          └─no answer, or no such node─▶ others knocked at ──one answers──▶ that is in use

Any node takes any command, and one that is sent to two nodes under one id is decided once, because their
cluster has one log. So the nodes must be of one cluster, which their endpoints say.
"""

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple, cast

from engine.base.errors import ConfigError, RingfoldError
from engine.client.address import NodeAddress, NodeLocation, address_again, address_of
from engine.client.knocks import Knocks

Nodes = NodeLocation | Sequence[NodeLocation]
"""A node, or several of one cluster, as a list."""

PATIENCE_S = 0.5  # for the gate in use to answer a knock, which one at work does in milliseconds
ELSEWHERE = ("failed", "stopping")  # refusals of a query that another node may answer


class Gate(NamedTuple):
    """The gate of a node, and where the node is found."""

    node: NodeLocation
    address: NodeAddress


class Gates:
    """The gates of one client. `address`: of the one in use. `searching`: it is silent or full, and `again`
    is to be called every LOOK_S."""

    address: NodeAddress

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = _listed(nodes)
        if not self._nodes:
            raise ConfigError("a client needs a node")
        random.shuffle(self._nodes)  # so that many clients spread over the nodes
        self._knocks = Knocks()
        self._since = 0.0
        self._full = False
        self.searching = False

    def known(self) -> list[Gate]:
        """The nodes that run now, in the order in which they are tried. RingfoldError if none does,
        ConfigError if they are not of one cluster."""
        if len(self._nodes) == 1:
            return [Gate(self._nodes[0], address_of(self._nodes[0]))]
        found, problem = list[Gate](), RingfoldError("there is no node")
        for node in self._nodes:
            try:
                found.append(Gate(node, address_of(node)))
            except RingfoldError as error:
                problem = error
        if not found:
            raise problem
        clusters = {gate.address.cluster for gate in found}
        if len(clusters) > 1 or "" in clusters:
            text, hint = "these nodes are not of one cluster", "each would decide the same commands by itself"
            raise ConfigError(text, commands=[gate.address.commands for gate in found], hint=hint)
        return found

    def use(self, gate: Gate) -> NodeAddress:
        """From now on this gate is in use. Its address."""
        self._stay()
        place = next(k for k, node in enumerate(self._nodes) if node is gate.node)
        self._nodes = self._nodes[place:] + self._nodes[:place]
        self.address = gate.address
        return gate.address

    def heard(self) -> None:
        """The gate in use has said something, so it is not silent; it may still be full."""
        if not self._full:
            self._stay()

    def again(self, now: float, *, full: bool = False) -> NodeAddress | None:
        """A look while the gate in use is silent, or full for long; never waits. The address to go on at, if
        it is another one than before."""
        if len(self._nodes) == 1:
            gate = self._there(self._nodes[0])
            return None if gate is None else self._moved(gate)
        if not self.searching:
            self.searching, self._since, self._full = True, now, full
        late = now > self._since + PATIENCE_S
        own, *others = (self._there(node) for node in self._nodes)
        if own is not None and not self._full:
            if self._knocks.answered(own.address.commands, now):
                return self._moved(own)
            if not late:
                return None
        for other in others:
            if other is not None and self._knocks.answered(other.address.commands, now):
                return self._moved(other)
        if self._full and late:
            self._stay()  # none is better
        return None

    def beside(self, view: str, asked: Collection[str]) -> str:
        """The endpoint of a view on a node where it was not asked yet; empty if there is none."""
        gates = map(self._there, self._nodes if len(self._nodes) > 1 else ())
        endpoints = (gate.address.queries.get(view, "") for gate in gates if gate is not None)
        return next((one for one in endpoints if one and one not in asked), "")

    def close(self) -> None:
        """Stops looking."""
        self._stay()

    def _there(self, node: NodeLocation) -> Gate | None:
        """The node where it is now; None if it does not run, or is of another cluster by now."""
        address = address_again(node)
        if address is None or (len(self._nodes) > 1 and address.cluster != self.address.cluster):
            return None
        return Gate(node, address)

    def _moved(self, gate: Gate) -> NodeAddress | None:
        before = self.address
        self.use(gate)
        return gate.address if gate.address != before else None

    def _stay(self) -> None:
        self.searching = self._full = False
        self._knocks.close()


def _listed(nodes: Nodes) -> list[NodeLocation]:
    """The nodes as a list. A text is a sequence too, but of one node."""
    return list(nodes) if isinstance(nodes, (list, tuple)) else [cast(NodeLocation, nodes)]
