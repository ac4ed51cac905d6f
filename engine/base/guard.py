"""The guard of a socket that strangers reach: how many connections it has, and how much memory they take.

ZeroMQ bounds messages, not bytes, and a message without end not at all: RCVHWM and SNDHWM count whole
messages, MAXMSGSIZE is of one frame. So a thread looks at the memory of the process whenever one of the
connections has sent something or reads too little. Too much is the fault of the connection with the most
bytes on their way, if they are many; if that does not help for a while, of all that have many, or have sent
something all the time. What then remains is the process's own, and so is all growth while no client sends and
none has bytes on its way: what a view grew before a client came is not that client's fault. An honest
client that is among them connects again by itself and asks again with the same ids.
"""

import ctypes
import fcntl
import os
import select
import socket as sockets
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from engine.base.memory import STATM, own_bytes
from engine.base.turns import take_short_turns

ALLOWANCE_BYTES = 14 << 20  # that the memory may grow by what waits in the socket
MOST_CONNECTIONS = 400
FULL_BYTES = 1 << 15  # on their way: who asks and reads the answer has seldom as many
ENOUGH_LOOKS = 5
LOOK_S = 0.01
SWITCH_S = 0.001
ALERT_S = 0.002  # once it grows: a gigabyte a second is two megabytes in this time
PATIENCE_S = 2.0  # for what was shut to give its memory back
TRIM_S = 0.1
SELDOM_TRIM_S = 2.0
SAYS_S = 10.0
TOO_MUCH = "what waits for it or from it takes too much memory"
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 1 << 18
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_MONITOR_STOPPED
# A frame of the monitor: kind, descriptor. pyzmq's own reader of it brings asyncio, 30 ms of every start.
_EVENT = struct.Struct("=Hi")


def trim() -> None:
    """Gives back to the system what was freed, where the C library can."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)


def _map_large_messages() -> None:
    """Makes the C library give large blocks back as soon as they are freed. By itself it stops doing so
    after the first one, and freed messages would look like memory that clients hold."""
    settle = getattr(ctypes.CDLL(None), "mallopt", None)
    if settle is not None:
        settle(M_MMAP_THRESHOLD, LARGE_BYTES)


class Guard:
    """The guard of one socket, which must not be bound yet; it ends when that is closed. `says` is told what
    was done, at most every SAYS_S. `shut` counts the connections that were shut down; `grown`: what the
    process takes more than it did, in bytes.

    Where there is no /proc or no epoll it guards nothing.
    """

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        says: Callable[[str], object],
        *,
        most: int = MOST_CONNECTIONS,
        allowance: int = ALLOWANCE_BYTES,
    ) -> None:
        self.shut = 0
        self._most, self._allowance, self._says = most, allowance, says
        self._open: dict[int, int] = {}  # inode by descriptor: descriptors are used again
        self._first = self._floor = self._last = self.grown = self._statm = 0
        self._enough, self._freed_by = 0, float("-inf")  # until then what was shut is given time, up to this
        self._looks, self._seen = 0, dict[int, int]()  # since it is too much; in how many each one has sent
        self._blamed = False  # one of the connections, since it is too much
        self._over_since, self._said_at, self._trimmed_at = float("inf"), float("-inf"), float("-inf")
        _map_large_messages()
        if hasattr(select, "epoll") and Path(STATM).exists():
            monitor = socket.get_monitor_socket(_EVENTS)
            monitor.setsockopt(zmq.LINGER, 0)
            threading.Thread(target=self._watch, args=(monitor,), name="guard", daemon=True).start()

    @property
    def connections(self) -> int:
        """The number of connections now."""
        return len(self._open)

    def _watch(self, monitor: "zmq.Socket[bytes]") -> None:
        take_short_turns()
        # Each system call may wait for the interpreter, which is busy under attack: as few as possible.
        sys.setswitchinterval(SWITCH_S)
        self._statm = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
        self._first = self._floor = self._last = own_bytes(self._statm)
        told, news = monitor.fileno(), True
        with select.epoll() as arrivals:
            arrivals.register(told, select.EPOLLIN)
            active: set[int] = set()
            while True:
                self.grown = self._look(active)
                if news and not self._listen(monitor, arrivals):
                    break
                time.sleep(ALERT_S if self.grown > self._allowance // 4 else LOOK_S)
                patience_s = LOOK_S if self.grown > self._allowance // 2 else 1.0
                active = {number for number, _ in arrivals.poll(patience_s)}
                news = told in active
        os.close(self._statm)
        monitor.close(0)

    def _listen(self, monitor: "zmq.Socket[bytes]", arrivals: select.epoll) -> bool:
        """Takes what the monitor has to say. False if the socket is to be closed."""
        while monitor.poll(0):
            kind, number = _EVENT.unpack(monitor.recv_multipart(zmq.NOBLOCK)[0])
            if kind == zmq.EVENT_MONITOR_STOPPED:
                return False
            if kind != zmq.EVENT_ACCEPTED:
                self._open.pop(number, None)
                continue
            try:
                self._open[number] = os.fstat(number).st_ino
                arrivals.register(number, select.EPOLLIN | select.EPOLLET)
            except OSError:  # it has gone already, or its number has been used again
                continue
            if len(self._open) > self._most:
                self._shut(number, f"there are {self._most} connections")
            elif self._blamed:  # one of those before it; who is honest tries again by itself
                self._shut(number, TOO_MUCH)
        return True

    def _look(self, active: set[int]) -> int:
        """Shuts down what takes too much; `active`: what has sent something just now. The growth in bytes."""
        own, now = own_bytes(self._statm), time.monotonic()
        if own > self._last and self._quiet(active):
            self._floor += own - self._last
        self._last = own
        pause_s = TRIM_S if own - self._floor > self._allowance // 2 else SELDOM_TRIM_S
        half = self._first + self._allowance // 2
        if own > half and now - self._trimmed_at > pause_s and own < self._floor + 2 * self._allowance:
            trim()  # before it matters: freed memory is not the fault of a client, and it takes a while
            own = self._last = own_bytes(self._statm)
            self._trimmed_at = time.monotonic()
        self._floor = max(self._first, min(self._floor, own))
        grown = own - self._floor
        self._enough = min(self._enough, grown + self._allowance // 4)
        if grown <= self._allowance:
            self._over_since = float("inf")
            self._looks, self._seen, self._blamed = 0, {}, False
            return grown
        self._over_since = min(self._over_since, now)
        self._looks += 1
        for number in active:
            self._seen[number] = self._seen.get(number, 0) + 1
        waiting = {number: _on_their_way(number) for number in self._open}
        most = max(waiting, key=waiting.__getitem__, default=-1)
        suspects = [
            number
            for number, way in waiting.items()
            if way >= FULL_BYTES or 2 * self._seen.get(number, 0) > self._looks
        ]
        self._blamed |= bool(suspects)
        if now - self._over_since > PATIENCE_S or (not suspects and self._looks >= ENOUGH_LOOKS):
            for number in suspects:
                self._shut(number, TOO_MUCH)
            self._floor += grown  # what stays is the process's own
        elif waiting.get(most, 0) >= FULL_BYTES and (grown > self._enough or now > self._freed_by):
            self._shut(most, TOO_MUCH)
            self._enough, self._freed_by = grown + self._allowance // 4, now + TRIM_S
        return grown

    def _quiet(self, active: set[int]) -> bool:
        """True if no connection can be why the process has grown since the last look: none has sent anything,
        none is new, and nothing is on its way."""
        return not active and not any(_on_their_way(number) for number in self._open)

    def _shut(self, number: int, reason: str) -> None:
        inode = self._open.pop(number, None)
        try:
            if os.fstat(number).st_ino != inode:
                return
            with sockets.socket(fileno=os.dup(number)) as connection:
                connection.shutdown(sockets.SHUT_RDWR)
        except OSError:
            return
        self.shut += 1
        if time.monotonic() - self._said_at > SAYS_S:
            self._said_at = time.monotonic()
            self._says(f"{reason} (connections shut down so far: {self.shut})")


def _on_their_way(number: int) -> int:
    """The bytes of a connection that have not been read, by either side."""
    total = 0
    for question in (termios.FIONREAD, termios.TIOCOUTQ):
        try:
            total += struct.unpack("i", fcntl.ioctl(number, question, bytes(4)))[0]
        except OSError:
            return 0
    return total
