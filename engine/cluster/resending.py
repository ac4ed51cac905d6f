"""Resending: sections that are on their way to the core, until what they hold is stored.

A core that was started again, or had to go back because another node had decided first, asks for them again.
What it had decided already of them, it passes over.
"""

from collections import deque

from engine.wire.sections import last_sequence

MOST_BYTES = 16 << 20


class Resending:
    """The sections of one partition, in order."""

    def __init__(self) -> None:
        self._sections: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._again = 0  # how many of the last ones are to be sent again
        self._wants = -1

    @property
    def room(self) -> bool:
        """True if more may be sent."""
        return self._bytes < MOST_BYTES

    def sent(self, section: bytes) -> None:
        """A section was handed on."""
        if self._again:
            self._again -= 1
        else:
            self._sections.append((last_sequence(section), section))
            self._bytes += len(section)

    def next(self) -> bytes | None:
        """The next section to send again, if there is one."""
        return self._sections[-self._again][1] if self._again else None

    def settled(self, sequence: int) -> None:
        """Everything up to this sequence is stored."""
        while self._sections and self._sections[0][0] <= sequence:
            self._bytes -= len(self._sections.popleft()[1])
        self._again = min(self._again, len(self._sections))

    def look(self, wants: int) -> None:
        """`wants`: how often the core has asked."""
        if wants != self._wants:
            self._wants, self._again = wants, len(self._sections)
