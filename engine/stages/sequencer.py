"""The sequencer, which gives every command its sequence and its time and makes it durable in the journal.

    groups of commands ──stamp──▶ sections, not yet kept ──journal──▶ durable: the next ones follow

It alone assigns sequences and time, and it reads no clock, because the time of day is passed in. Commands get
the sequences after the last one, partition by partition; the k-th command of a batch has the time of the
first plus k nanoseconds, so time strictly increases with the sequence, however the clock jumps.

Between `stamp` and `journal` the caller may still refuse the commands, if a ring has no room. Then nothing of
them is kept, and the next ones get the same sequences.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.journal import Writer, read, recover
from engine.wire.groups import Group
from engine.wire.sections import decode_payload, encode_payload, encode_section, last_sequence

SECTION_COMMANDS = 1_000  # bounds the batch that the core makes of a section, and starts the core earlier


class Stamped(NamedTuple):
    """Commands first_sequence … last_sequence, not yet journaled; the first one has the time `time_ns`."""

    first_sequence: int
    last_sequence: int
    time_ns: int
    sections: dict[int, list[bytes]]
    """by partition, in ascending order"""


class Sequencer:
    """The journal, and what was assigned last. `sequence`, `time_ns`: of the last command; `last`: the last
    sequence of each partition.

    `stored`: the last sequence that each partition's event store has. Recovers the journal first; raises what
    `engine.journal.recover` raises.
    """

    def __init__(
        self, folder: Path, stored: Sequence[int], *, segment_bytes: int, background: bool = True
    ) -> None:
        self.recovered = recover(folder, witness=max(stored), stored=stored)
        self.sequence = self.recovered.last_sequence
        self.time_ns = self.recovered.last_time_ns
        self.last = list(stored)
        self._folder = folder
        self._journal = Writer(
            folder, recovered=self.recovered, segment_bytes=segment_bytes, background=background
        )

    def replay(
        self, seen: Sequence[int], beat: Callable[[], object] = lambda: None
    ) -> Iterator[tuple[int, bytes]]:
        """(partition, section) of what was journaled after the sequence that each partition has seen, since
        the process may have been killed before it handed that on. It must be exhausted before anything is
        stamped, because that is how `last` is learned.

        `beat` is called for each frame, because if one partition had no commands for long, the whole journal
        may have to be read."""
        for frame in read(self._folder, min(*self.last, *seen), self.sequence):
            beat()
            for partition, section in decode_payload(frame.payload):
                end = last_sequence(section)
                self.last[partition] = max(self.last[partition], end)
                if end > seen[partition]:
                    yield partition, section

    def stamp(self, groups: Mapping[int, Sequence[Group]], now_ns: int) -> Stamped:
        """Gives the commands of each partition's groups their sequences and times. Keeps nothing."""
        first = sequence = self.sequence + 1
        at_ns = max(self.time_ns + 1, now_ns)
        sections: dict[int, list[bytes]] = {}
        for partition in sorted(groups):
            previous = self.last[partition]
            mine = sections[partition] = []
            for some in _parted(groups[partition]):
                mine.append(encode_section(sequence, previous, at_ns + sequence - first, some))
                previous = last_sequence(mine[-1])
                sequence = previous + 1
        return Stamped(first, sequence - 1, at_ns, sections)

    def journal(self, stamped: Stamped) -> None:
        """Makes them durable. NoSpace: nothing was kept. Fault: the process must end."""
        first, last, time_ns, sections = stamped
        payload = encode_payload([(p, section) for p, some in sections.items() for section in some])
        self._journal.append(payload, first, last - first + 1, time_ns)
        self.sequence, self.time_ns = last, time_ns + last - first
        for partition, some in sections.items():
            self.last[partition] = last_sequence(some[-1])

    def close(self) -> None:
        """Closes the journal's files."""
        self._journal.close()


def _parted(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Lists of groups, each of a bounded number of commands: one section each."""
    some: list[Group] = []
    count = 0
    for group in groups:
        if some and count + group[1] > SECTION_COMMANDS:
            yield some
            some, count = [], 0
        some.append(group)
        count += group[1]
    yield some
