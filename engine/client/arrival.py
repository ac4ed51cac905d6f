"""The arrival of a node: its address as soon as it answers there.

A node that is starting has no endpoints.json yet, or one where nothing answers yet. So it is looked for, and
knocked at, until a knock is answered. Where several nodes are known, one of them is enough.
"""

import contextlib
import time

from engine.base.errors import RingfoldError
from engine.client.address import NodeAddress
from engine.client.gates import Gates
from engine.client.knocks import Knocks

LOOK_S = 0.02  # between two checks


class Arrival:
    """A node that may be starting. `look` never waits: it is called again every LOOK_S, until `deadline`."""

    def __init__(self, gates: Gates, wait_s: float) -> None:
        self._gates, self._wait_s = gates, wait_s
        self._deadline = time.monotonic() + wait_s
        self._knocks = Knocks()

    def look(self) -> NodeAddress | None:
        """The address of the node if it answers; None: not yet. RingfoldError once the time is up."""
        now, reason = time.monotonic(), "it does not answer"
        try:
            known = self._gates.known()
        except RingfoldError as error:
            known, reason = [], error.message
        for gate in known:
            if self._knocks.answered(gate.address.commands, now):
                self.close()
                return self._gates.use(gate)
        if now > self._deadline:
            self.close()
            raise RingfoldError("the node was not ready in time", reason=reason, waited_s=self._wait_s)
        return None

    def close(self) -> None:
        """Stops knocking."""
        self._knocks.close()


def arrived(gates: Gates, wait_s: float) -> NodeAddress:
    """The address of a node, which may be starting: waited for at most `wait_s` if that is above 0."""
    if wait_s <= 0:
        return gates.use(gates.known()[0])
    with contextlib.closing(Arrival(gates, wait_s)) as arrival:
        while (address := arrival.look()) is None:
            time.sleep(LOOK_S)
        return address
