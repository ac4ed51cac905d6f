"""Bytes and files of the journal are damaged in every way at hand. Two answers are right: the exact batches
up to some point that the witness allows, or a refusal that names the place and changes nothing.

One file, though long: it is the list of damages, and all of them start from the same sound journal."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptData
from engine.journal import Recovered, Report, dump, recover, verify
from engine.journal.frame import HEADER_SIZE, SEAL_SIZE, frame_size
from engine.journal.segment import BODY, HEADER
from tests.recovery.disk import Disk, Image
from tests.recovery.journal import FOLDER, SMALL, Batch, append, batches, contents, last, open_writer

SIZES = (60, 300, 500, 150, 200, 90, 700, 10, 300, 300, 250, 120, 130)  # over six segments


def build() -> tuple[Image, list[Batch]]:
    """A sound journal of six segments, with three batches in the last one."""
    disk = Disk()
    writer = open_writer(disk)
    written: list[Batch] = []
    for size in SIZES:
        written += batches(1, last(written) + 1, size)
        append(writer, written[-1:])
    writer.close()
    return disk.image(), written


SOUND, WRITTEN = build()
NAMES = sorted(SOUND)
NEWEST = NAMES[-1]
J = last(WRITTEN)
# (segment, offset, end) of each batch
PLACES = [
    (
        str(line["path"]).rsplit("/")[-1],
        int(str(line["offset"])),
        int(str(line["offset"])) + frame_size(int(str(line["length"]))),
    )
    for line in dump(FOLDER, files=Disk(SOUND))
    if line["kind"] == "batch"
]
LAST_THREE = [place for place in PLACES if place[0] == NEWEST][-3:]


def test_the_sample_is_what_these_tests_need() -> None:
    assert len(NAMES) == 6
    assert len(LAST_THREE) == 3
    assert len(PLACES) == len(WRITTEN)
    assert verify(FOLDER, J, Disk(SOUND)).sound


def refused(image: Image, witness: int, allow_lost: bool = False) -> CorruptData:
    """The refusal of a start, which must have changed nothing and must agree with `verify`."""
    disk = Disk(image)
    with pytest.raises(CorruptData) as caught:
        recover(FOLDER, witness, allow_lost, files=disk)
    assert disk.image() == image
    facts = caught.value.facts
    assert {"path", "offset", "sequence", "row"} <= facts.keys()
    report = check_verify(image, witness)
    assert report.row == facts["row"]
    assert not report.sound
    return caught.value


def check_verify(image: Image, witness: int) -> Report:
    disk = Disk(image)
    report = verify(FOLDER, witness, disk)
    assert list(dump(FOLDER, files=disk))
    assert disk.image() == image
    return report


def accepted(image: Image, witness: int, kept: list[Batch], allow_lost: bool = False) -> Recovered:
    """A start continues after exactly these batches; so does the start after the next crash."""
    report = check_verify(image, witness)
    disk = Disk(image)
    recovered = recover(FOLDER, witness, allow_lost, files=disk)
    assert report.row == recovered.row
    assert recovered.journal_sequence == last(kept)
    assert contents(disk, recovered.journal_sequence) == kept
    more = batches(4, recovered.last_sequence + 1, 200, tag="more")
    writer = open_writer(disk, recovered)
    append(writer, more)
    again = Disk(disk.cut())
    assert recover(FOLDER, witness=last(more), files=again).row == "a"
    assert contents(again, last(more)) == kept + more
    return recovered


def either(image: Image, witness: int) -> str:
    """Whatever the damage: the row, after checking that the answer is one of the two right ones."""
    try:
        recovered = recover(FOLDER, witness, files=Disk(image))
    except CorruptData:
        return str(refused(image, witness).facts["row"])
    assert recovered.last_sequence >= witness
    accepted(image, witness, [b for b in WRITTEN if b[0] <= recovered.last_sequence])
    return recovered.row


def damaged(name: str, change: Callable[[bytes], bytes]) -> Image:
    return {**SOUND, name: change(SOUND[name])}


def cut_at(offset: int, pad: bool = False) -> Callable[[bytes], bytes]:
    return lambda data: data[:offset].ljust(len(data), b"\0") if pad else data[:offset]


def overwrite(offset: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: (data[:offset] + new + data[offset + len(new) :])[: len(data)]


def flipped(name: str, offset: int, bit: int) -> Image:
    def flip(data: bytes) -> bytes:
        return data[:offset] + bytes([data[offset] ^ 1 << bit]) + data[offset + 1 :]

    return damaged(name, flip)


def held_before(offset: int) -> list[Batch]:
    """The batches that end at or before this offset of the newest segment."""
    return [b for b, (name, _, end) in zip(WRITTEN, PLACES, strict=True) if name != NEWEST or end <= offset]


BORDERS = {at + beside for _, *borders in LAST_THREE for at in borders for beside in (-1, 0, 1)}


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.smoke)])
def test_a_file_truncated_at_any_byte_of_the_last_three_batches_is_refused_until_the_loss_is_allowed(
    every: int,
) -> None:
    bytes_of_three = range(LAST_THREE[0][1], LAST_THREE[-1][2] + 1)
    for offset in sorted({*bytes_of_three[::every], *BORDERS} & {*bytes_of_three}):
        image = damaged(NEWEST, cut_at(offset))
        kept = held_before(offset)
        for witness in {last(kept), J}:
            error = refused(image, witness)
            assert error.facts["row"] == "d"
            assert error.facts["path"] == FOLDER / NEWEST
        recovered = accepted(image, J, kept, allow_lost=True)
        assert recovered.last_sequence == J, "a sequence is never given twice"


def test_bytes_overwritten_with_zeros_from_any_byte_of_the_last_batch_on_are_a_torn_tail() -> None:
    _, start, end = LAST_THREE[-1]
    for offset in range(start, end):
        image = damaged(NEWEST, cut_at(offset, pad=True))
        if image == SOUND:  # nothing but padding
            continue
        row = accepted(image, last(WRITTEN[:-1]), WRITTEN[:-1]).row
        assert row == ("a" if offset == start else "b")
        assert refused(image, J).facts["row"] == "d"


def test_a_flipped_bit_in_the_last_batch_is_torn_or_proved_to_be_damage_by_the_witness() -> None:
    _, start, end = LAST_THREE[-1]
    for offset in range(start, end):
        image = flipped(NEWEST, offset, offset % 8)
        recovered = accepted(image, last(WRITTEN[:-1]), WRITTEN[:-1])
        assert recovered.row == "b"
        assert recovered.torn_at is not None
        assert recovered.torn_at[:2] == (FOLDER / NEWEST, start)
        error = refused(image, J)
        assert error.facts["row"] == "d"
        assert error.facts["offset"] == start
        assert error.facts["sequence"] == WRITTEN[-1][0]


def test_a_flipped_bit_in_any_batch_before_the_last_is_refused_with_its_file_offset_and_sequence() -> None:
    chance = random.Random(1)
    for _ in range(500):
        number = chance.randrange(len(PLACES) - 1)
        name, start, end = PLACES[number]
        image = flipped(name, chance.randrange(start, end), chance.randrange(8))
        error = refused(image, chance.randrange(J + 1), allow_lost=True)
        assert error.facts["row"] == ("c" if name == NEWEST else "e")
        assert error.facts["path"] == FOLDER / name
        assert error.facts["offset"] == start
        assert error.facts["sequence"] == WRITTEN[number][0]


def test_a_flipped_bit_in_a_seal_or_in_the_header_of_a_segment_is_refused() -> None:
    for name in NAMES:
        for offset in range(HEADER.size):
            error = refused(flipped(name, offset, offset % 8), 0)
            assert error.facts["row"] == "e"
            assert error.facts["path"] == FOLDER / name
    for name in NAMES[:-1]:
        seal = max(end for where, _, end in PLACES if where == name)
        for offset in range(seal, seal + SEAL_SIZE):
            error = refused(flipped(name, offset, offset % 8), 0)
            assert error.facts["row"] == "e"
            assert error.facts["offset"] == seal


def test_a_flipped_bit_in_unused_bytes_changes_nothing() -> None:
    for name in NAMES:
        for offset in (HEADER.size, BODY - 1):
            accepted(flipped(name, offset, 3), J, WRITTEN)
    accepted(flipped(NEWEST, SMALL - 1, 3), J, WRITTEN)  # after the end: a torn tail without a batch in it


def test_bytes_after_the_end_of_the_newest_file_are_cut_off_and_kept() -> None:
    recovered = accepted(damaged(NEWEST, lambda data: data + b"rubbish"), J, WRITTEN)
    assert recovered.row == "b"
    accepted(damaged(NEWEST, lambda data: data + bytes(9)), J, WRITTEN)


@pytest.mark.parametrize("name", NAMES)
def test_a_deleted_or_renamed_segment_is_missed(name: str) -> None:
    without = {other: data for other, data in SOUND.items() if other != name}
    error = refused(without, 0)
    assert error.facts["row"] == ("d" if name == NEWEST else "e")
    assert "sequence" in error.facts
    other_name = f"{int(name[:20]) + 1:020d}.journal"
    assert refused({**without, other_name: SOUND[name]}, 0).facts["path"] == FOLDER / other_name
    assert refused({**without, "rubbish.journal": SOUND[name]}, 0).facts["row"] == "e"
    assert refused({**without, name + ".bak": SOUND[name]}, 0).facts["row"] == error.facts["row"]


def test_a_lost_newest_segment_can_be_allowed_by_the_operator() -> None:
    without = {name: data for name, data in SOUND.items() if name != NEWEST}
    kept = [b for b, place in zip(WRITTEN, PLACES, strict=True) if place[0] != NEWEST]
    assert accepted(without, J, kept, allow_lost=True).last_sequence == J
    assert accepted(without, 0, kept, allow_lost=True).last_sequence == last(kept)


def test_a_lost_journal_is_refused_if_events_are_stored() -> None:
    disk = Disk()
    with pytest.raises(CorruptData, match="acknowledged commands are gone"):
        recover(FOLDER, witness=J, files=disk)
    recovered = recover(FOLDER, witness=J, allow_lost=True, files=disk)
    more = batches(9, J + 1)
    append(open_writer(disk, recovered), more)
    again = Disk(disk.cut())
    assert recover(FOLDER, witness=last(more), files=again).row == "a"
    assert contents(again, last(more)) == more


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("left", [0, 1, HEADER.size - 1, HEADER.size, BODY, BODY + HEADER_SIZE])
def test_an_emptied_segment_is_refused(name: str, left: int) -> None:
    assert refused(damaged(name, cut_at(left)), 0).facts["path"] == FOLDER / name
    if left:
        assert refused(damaged(name, cut_at(left, pad=True)), J)


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_of_zeros_is_refused(name: str) -> None:
    assert refused(damaged(name, lambda data: bytes(len(data))), 0).facts["path"] == FOLDER / name


@pytest.mark.parametrize("one", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_swapped_or_copied_segments_are_refused(one: str, other: str) -> None:
    if one != other:
        assert refused({**SOUND, one: SOUND[other], other: SOUND[one]}, 0).facts["row"] == "e"
        assert refused({**SOUND, one: SOUND[other]}, 0).facts["row"] == "e"
    assert refused({**SOUND, f"{J + 1:020d}.journal": SOUND[one]}, 0).facts["row"] == "e"


def test_a_batch_copied_over_another_place_or_segment_is_not_believed() -> None:
    seen = set()
    for name, start, end in PLACES:
        for target, at, _ in PLACES:
            if (target, at) != (name, start):
                image = damaged(target, overwrite(at, SOUND[name][start:end]))
                seen.add(either(image, 0))
    assert seen == {"b", "c", "e"}


def test_a_batch_repeated_after_the_last_is_refused() -> None:
    name, start, end = LAST_THREE[0]
    at = LAST_THREE[-1][2]
    copy = SOUND[name][start:end]
    error = refused(damaged(name, overwrite(at, copy)), 0)
    assert error.facts["row"] == "e"
    assert error.facts["offset"] == at


def test_a_client_cannot_make_a_torn_batch_look_like_damage_by_sending_the_bytes_of_frames() -> None:
    """It may know everything of a frame but the segment's salt."""

    def journal(seed: int, payload: bytes) -> tuple[bytes, int]:
        disk = Disk(seed=seed)
        writer = open_writer(disk, size=16 << 10)
        writer.append(b"first", 1, 1, 1)
        writer.append(payload, 2, 1, 2)
        writer.append(b"third", 3, 1, 3)
        return disk.image()[NAMES[0]], BODY + frame_size(5)

    own, second = journal(1, b"second")
    forged = own[second + frame_size(6) :][: frame_size(5)]
    image, second = journal(2, b" " * 8 + forged * 3)
    at = second + HEADER_SIZE
    torn = image[:at] + bytes(8) + image[at + 8 : second + frame_size(8 + 3 * len(forged))]
    torn = torn.ljust(len(image), b"\0")
    assert recover(FOLDER, 1, files=Disk({NAMES[0]: torn})).row == "b"
    genuine = torn[: at + 8] + image[second + frame_size(8 + 3 * len(forged)) :][: frame_size(5)]
    with pytest.raises(CorruptData, match="a whole one follows"):
        recover(FOLDER, 1, files=Disk({NAMES[0]: genuine.ljust(len(image), b"\0")}))


def test_a_start_of_a_whole_journal_writes_nothing() -> None:
    disk = Disk(SOUND)
    recover(FOLDER, J, files=disk)
    assert set(disk.steps) <= {"names", "open", "read", "flush", "flush_folder"}
    fresh = {name: SOUND[name] for name in NAMES[:-1]} | {NEWEST: SOUND[NEWEST][:BODY].ljust(SMALL, b"\0")}
    disk = Disk(fresh)
    recover(FOLDER, 0, files=disk)
    assert set(disk.steps) <= {"names", "open", "read", "flush", "flush_folder"}


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_seal_that_is_gone_is_missed_once_the_next_segment_holds_batches(name: str) -> None:
    seal = max(end for where, _, end in PLACES if where == name)
    error = refused(damaged(name, overwrite(seal, bytes(SEAL_SIZE))), 0)
    assert (error.facts["row"], error.facts["offset"]) == ("e", seal)
    assert error.message.endswith("the seal is missing")


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_sealed_segment_of_another_size_is_refused(name: str) -> None:
    for change in (cut_at(SMALL - 1), lambda data: data + b"\0"):
        error = refused(damaged(name, change), 0)
        assert error.facts["row"] == "e"
        assert error.facts["path"] == FOLDER / name


def test_segments_of_two_histories_are_not_joined() -> None:
    def history(number: int) -> Image:
        disk = Disk()
        writer = open_writer(disk)
        append(writer, batches(number))
        recovered = recover(FOLDER, 20, allow_lost=True, files=disk)
        append(open_writer(disk, recovered), batches(2, 21))
        return disk.image()

    one, other = history(1), history(3)
    assert one.keys() == other.keys()
    for image in (one, other):
        assert recover(FOLDER, 20, files=Disk(image)).row == "a"
    for mixed in ({**one, max(one): other[max(one)]}, {**other, max(one): one[max(one)]}):
        assert refused(mixed, 20).facts["row"] == "e"
        # As if a crash had come between making the last segment and sealing the one before it.
        seal = next(line["offset"] for line in dump(FOLDER, files=Disk(mixed)) if line["kind"] == "seal")
        assert isinstance(seal, int)
        mixed[NAMES[0]] = overwrite(seal, bytes(SEAL_SIZE))(mixed[NAMES[0]])
        mixed[max(mixed)] = cut_at(BODY, pad=True)(mixed[max(mixed)])
        assert refused(mixed, 20).facts["row"] == "e"


def test_after_a_lost_segment_was_allowed_nothing_is_written_after_a_seal() -> None:
    kept = [b for b, place in zip(WRITTEN, PLACES, strict=True) if place[0] == NAMES[0]]
    assert max(end for name, _, end in PLACES if name == NAMES[0]) < SMALL - 400, "there would be room"
    accepted({NAMES[0]: SOUND[NAMES[0]]}, 0, kept, allow_lost=True)


def test_a_torn_batch_of_several_megabytes_is_kept_and_cut_whole() -> None:
    disk = Disk()
    writer = open_writer(disk, size=4 << 20)
    append(writer, batches(1))
    large = random.Random(1).randbytes(3 << 20)
    writer.append(large, 3, 1, 5)
    image = disk.image()
    start = next(
        p["offset"] for p in dump(FOLDER, files=disk) if p.get("first_sequence") == 3 and "count" in p
    )
    assert isinstance(start, int)
    torn = image[NAMES[0]][:start] + overwrite(HEADER_SIZE + (1 << 20), bytes(2 << 20))(
        image[NAMES[0]][start:]
    )
    left = Disk({NAMES[0]: torn})
    recovered = recover(FOLDER, last(batches(1)), files=left)
    assert recovered.row == "b"
    assert recovered.torn is not None
    assert left.image()[recovered.torn.name] == torn[start:].rstrip(b"\0")
    assert left.image()[NAMES[0]] == torn[:start].ljust(len(torn), b"\0")


@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    offset=st.integers(0, SMALL - 1),
    data=st.binary(min_size=1, max_size=300),
    witness=st.integers(0, J),
)
def test_any_overwritten_range_gives_exact_batches_or_a_refusal(
    name: str, offset: int, data: bytes, witness: int
) -> None:
    either(damaged(name, overwrite(offset, data)), witness)


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(NAMES), count=st.integers(0, 4), witness=st.integers(0, J))
def test_any_choice_and_order_of_segments_gives_exact_batches_or_a_refusal(
    order: list[str], count: int, witness: int
) -> None:
    image = {name: SOUND[source] for name, source in zip(NAMES[:count], order, strict=False)}
    if image:
        either(image, witness)
