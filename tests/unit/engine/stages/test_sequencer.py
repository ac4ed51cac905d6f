"""The sequencer: sequences without a gap, time that only goes on, and nothing of it lost in a crash."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import NoSpace
from engine.journal import read
from engine.stages.sequencer import SECTION_COMMANDS, Sequencer
from engine.wire.groups import Group
from engine.wire.sections import decode_payload, header_of, last_sequence

SEGMENT_BYTES = 1 << 16
PARTITIONS = 3

counts = st.lists(st.integers(1, 700), min_size=1, max_size=4)
drains = st.dictionaries(st.integers(0, PARTITIONS - 1), counts, min_size=1)
steps = st.lists(
    st.tuples(drains, st.integers(0, 5_000), st.sampled_from(["journal", "turn away", "die after it"])),
    max_size=8,
)


def groups_of(drain: dict[int, list[int]]) -> dict[int, list[Group]]:
    return {p: [(b"who", count, b"[]") for count in some] for p, some in drain.items()}


def begin(folder: Path, stored: tuple[int, ...] = (0,) * PARTITIONS) -> Sequencer:
    return Sequencer(folder, stored, segment_bytes=SEGMENT_BYTES, background=False)


def sections_in(folder: Path) -> list[tuple[int, bytes]]:
    return [part for frame in read(folder) for part in decode_payload(frame.payload)]


@settings(deadline=None, max_examples=60)
@given(steps)
def test_however_commands_are_grouped_sequences_have_no_gap_and_time_goes_on(story: list[Any]) -> None:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        sequencer = begin(folder)
        kept: list[tuple[int, bytes]] = []
        for drain, now_ns, fate in story:
            stamped = sequencer.stamp(groups_of(drain), now_ns)
            if fate == "turn away":
                continue
            sequencer.journal(stamped)
            kept += [(p, section) for p, some in stamped.sections.items() for section in some]
            if fate == "die after it":
                sequencer.close()
                sequencer = begin(folder)
                assert list(sequencer.replay([0] * PARTITIONS)) == kept
        sequencer.close()
        assert sections_in(folder) == kept
        check_chain(kept)
    finally:
        shutil.rmtree(folder)


def check_chain(sections: list[tuple[int, bytes]]) -> None:
    expected, time_ns, last = 1, -1, [0] * PARTITIONS
    for partition, section in sections:
        first, previous, at_ns, count, groups = header_of(section)
        assert (first, previous) == (expected, last[partition])
        assert at_ns > time_ns
        assert count <= SECTION_COMMANDS or groups == 1
        expected, time_ns, last[partition] = first + count, at_ns + count - 1, last_sequence(section)


def test_what_is_turned_away_leaves_no_trace(tmp_path: Path) -> None:
    sequencer = begin(tmp_path)
    turned_away = sequencer.stamp(groups_of({0: [5], 2: [1]}), 1_000)
    kept = sequencer.stamp(groups_of({1: [2]}), 1_000)
    sequencer.journal(kept)
    assert (turned_away.first_sequence, kept.first_sequence) == (1, 1)
    assert (sequencer.sequence, sequencer.time_ns, sequencer.last) == (2, 1_001, [0, 2, 0])


def test_without_room_on_the_disk_nothing_is_assigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer = begin(tmp_path)

    def full(*_: object) -> None:
        raise NoSpace("the journal's disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sequencer._journal, "append", full)
        with pytest.raises(NoSpace):
            sequencer.journal(sequencer.stamp(groups_of({0: [3]}), 1_000))
    assert sequencer.sequence == 0
    sequencer.journal(sequencer.stamp(groups_of({0: [3]}), 1_000))
    assert sequencer.sequence == 3


def test_a_start_hands_on_only_what_each_partition_has_not_seen(tmp_path: Path) -> None:
    sequencer = begin(tmp_path)
    for now_ns in range(4):
        sequencer.journal(sequencer.stamp(groups_of({0: [1], 1: [1]}), now_ns))
    sequencer.close()
    sequencer = begin(tmp_path, stored=(1, 4, 0))
    beats: list[None] = []
    missed = list(sequencer.replay([5, 4, 8], beat=lambda: beats.append(None)))
    assert [(p, last_sequence(section)) for p, section in missed] == [(1, 6), (0, 7), (1, 8)]
    assert sequencer.last == [7, 8, 0]
    assert len(beats) == 4


def test_commands_keep_their_order_when_the_clock_goes_back(tmp_path: Path) -> None:
    sequencer = begin(tmp_path)
    sequencer.journal(sequencer.stamp(groups_of({0: [10]}), 1_000))
    assert sequencer.stamp(groups_of({0: [1]}), 5).time_ns == 1_010
