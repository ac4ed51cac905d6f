"""What a service manager is told: systemd's notifications, as datagrams to the socket in `NOTIFY_SOCKET`.

    message                       when
    ----------------------------------------------------------------------------------------------------
    STATUS=…                      whenever it changes: what `systemctl status` shows
    EXTEND_TIMEOUT_USEC=…         while it starts, about once a second: a replay may take longer than
                                  TimeoutStartSec, and what makes no progress the supervisor kills itself
    READY=1                       once, when every process is at work
    WATCHDOG=1                    three times in WatchdogSec, while all is well
    STOPPING=1                    when a signal asked the node to stop

What restarting a process can mend, the supervisor mends; the watchdog is for what it cannot. All is well
while its own loop turns and every process that it killed is gone. One that stays is held by the kernel, as by
a disk that does not answer; then the beats stop, and the service manager ends the node and says so.

Without `NOTIFY_SOCKET` nothing is sent. The protocol is a few lines, so no library is needed: sd_notify(3).
"""

import os
import socket
from collections.abc import Iterable, MutableMapping

from engine.node.child import SETTLED, Process
from engine.node.status import State

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
EXTENSION_US = 30_000_000
EXTEND_S = 1.0  # between two of them
BEATS_A_PERIOD = 3  # one that is late, or lost, does no harm
MOST_NAMED = 5
WORDS = {state.value: state.name.lower().replace("_", " ") for state in State}


class ServiceManager:
    """The service manager that started this node, or none. It never raises and never waits: a service manager
    that does not read must not hold the node up."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address  # an abstract name
        self.beat_s = None if watchdog_s is None else watchdog_s / BEATS_A_PERIOD
        self._status = ""
        self._ready = self._stopping = False
        self._beat_at = self._extend_at = 0.0
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "ServiceManager":
        """The one that an environment names. Its variables are removed, because they are for this process and
        not for its children."""
        address, period, pid = (environment.pop(name, "") for name in VARIABLES)
        if not address.startswith(("/", "@")):
            return cls()
        watched = period.isdecimal() and int(period) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(period) / 1e6 if watched else None)

    def look(self, processes: Iterable[Process], now: float, *, ready: bool, stopping: bool) -> None:
        """Says what is new, and beats. Called at each look of the supervisor."""
        if self._socket is None:
            return
        processes = list(processes)
        status = status_of(processes, ready=ready, stopping=stopping)
        extends = not ready and not stopping and now >= self._extend_at
        beats = self.beat_s is not None and now >= self._beat_at and well(processes)
        lines = [
            f"STATUS={status}" if status != self._status else "",
            f"EXTEND_TIMEOUT_USEC={EXTENSION_US}" if extends else "",
            "READY=1" if ready and not self._ready else "",
            "STOPPING=1" if stopping and not self._stopping else "",
            "WATCHDOG=1" if beats else "",
        ]
        if not any(lines):
            return
        try:
            self._socket.sendto("\n".join(filter(None, lines)).encode(), self._address)
        except OSError:
            return  # at the next look it says the same again
        self._status, self._ready, self._stopping = status, ready, stopping
        if extends:
            self._extend_at = now + EXTEND_S
        if self.beat_s is not None and beats:
            self._beat_at = now + self.beat_s

    def close(self) -> None:
        """Nothing more is said."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def well(processes: Iterable[Process]) -> bool:
    """True unless a process that was killed because it hangs is still there."""
    return not any(process.killed and process.popen is not None for process in processes)


def status_of(processes: Iterable[Process], *, ready: bool, stopping: bool) -> str:
    """The node in one line."""
    if stopping:
        return "stopping"
    states = [(process.name, process.slot.state) for process in processes]
    if not ready:
        waits = [name for name, state in states if state not in SETTLED]
        return f"starting: waits for {_some(waits)}" if waits else "starting"
    odd = [f"{name} {WORDS.get(state, '?')}" for name, state in states if state != State.RUNNING]
    return f"at work, but: {_some(odd)}" if odd else f"at work: {len(states)} processes"


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
