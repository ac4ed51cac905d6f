"""The intake of a partition's owner: messages of C in, sections for the core out.

Sequences follow from the log alone: commands are counted through from the last decision on, whichever node
owns the partition, or owned it before. A section has the time at which the log took its last message, or the
moment after the section before. No command has a time before the log took it: that could be before its timer
is due.
"""

from collections import deque
from typing import NamedTuple

from engine.base.errors import CorruptData
from engine.store.place import Place
from engine.wire.groups import GROUP, Group
from engine.wire.replicated import Origin, decode_commands
from engine.wire.sections import encode_section, header_of

SECTION_COMMANDS = 1_000
MOST_BYTES = 16 << 20
SECTION_BYTES = 1 << 20  # unless one message has more: a ring takes no record of more than half of it


class _Taken(NamedTuple):
    message: int
    time_ns: int
    groups: list[Group]
    commands: int
    size: int
    framed: int
    """its bytes in a section"""


class Intake:
    """What was taken and not handed on. `message`: the last message that was taken."""

    def __init__(self, place: Place) -> None:
        self.message = place.message
        self._counted = self._sequence = place.message_sequence
        self._time_ns = place.time_ns
        self._waiting: deque[_Taken] = deque()
        self._waiting_bytes = 0

    @property
    def waits(self) -> bool:
        """True if there is a section to make."""
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """True if so much waits that nothing more should be taken."""
        return self._waiting_bytes > MOST_BYTES

    def take(self, message: int, time_ns: int, body: bytes) -> None:
        """Takes the next message of C; one that was taken before is passed over. CorruptData: one is
        missing."""
        if message <= self.message:
            return
        if message != self.message + 1:
            raise CorruptData("messages of commands are missing", after=self.message, found=message)
        gate, groups = decode_commands(body)
        commands = sum(count for _, count, _ in groups)
        self._counted += commands
        named = [
            (Origin(message, self._counted, gate, client).encode(), count, commands_)
            for client, count, commands_ in groups
        ]
        self.message = message
        if commands:
            framed = sum(GROUP.size + len(who) + len(some) for who, _, some in named)
            self._waiting.append(_Taken(message, time_ns, named, commands, len(body), framed))
            self._waiting_bytes += len(body)

    def section(self) -> bytes | None:
        """The next section: as many whole messages as one may have. It is to be asked for again until it is
        handed on (`handed_on`)."""
        if not self._waiting:
            return None
        groups: list[Group] = []
        commands = size = 0
        time_ns = self._time_ns + 1
        for taken in self._waiting:
            commands, size = commands + taken.commands, size + taken.framed
            if groups and (commands > SECTION_COMMANDS or size > SECTION_BYTES):
                break
            groups += taken.groups
            time_ns = max(time_ns, taken.time_ns)
        return encode_section(self._sequence + 1, self._sequence, time_ns, groups)

    def handed_on(self, section: bytes) -> None:
        """The section that was asked for is on its way."""
        header = header_of(section)
        last = header.first_sequence + header.commands - 1
        while self._waiting and self._sequence < last:
            taken = self._waiting.popleft()
            self._sequence += taken.commands
            self._waiting_bytes -= taken.size
        self._time_ns = header.time_ns + header.commands - 1
