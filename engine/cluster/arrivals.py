"""Arrivals: messages of a log that came in the thread of the link, and wait for the loop of the process.

Neither side locks: each counts for itself, and the difference is what waits.
"""

from collections import deque

from engine.cluster.logs import Message

MOST_BYTES = 32 << 20


class Arrivals:
    """The arrivals of one log, in order. True if any wait."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._came = 0  # bytes, counted by the thread of the link alone
        self._went = 0  # and these by the loop

    def arrived(self, message: Message) -> None:
        """A message has come; called from the thread of the link."""
        self._came += len(message.body)
        self._messages.append(message)

    def take(self) -> Message:
        """The next one, which is there."""
        message = self._messages.popleft()
        self._went += len(message.body)
        return message

    def room(self) -> bool:
        """True if more may come."""
        return self._came - self._went < MOST_BYTES

    def __bool__(self) -> bool:
        return bool(self._messages)
