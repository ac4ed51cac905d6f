from pathlib import Path

import pytest

from engine.journal import walk
from engine.journal.frame import BATCH, encode, encode_seal, frame_size
from engine.journal.segment import BODY, Header
from engine.journal.walk import Walk, end_of_data, valid_frame_after
from tests.recovery.disk import Disk

PATH = Path("journal") / "s"
SIZE = 4 << 20
HEADER = Header(SIZE, first_sequence=11, previous_sequence=7, previous_segment=1, previous_time_ns=70, salt=5)


def batch(first: int, previous: int, payload: bytes = b"x", count: int = 2) -> bytes:
    return b"".join(encode(payload, HEADER.seed, BATCH, count, first, previous, first * 10))


def seal(first: int, previous: int) -> bytes:
    return b"".join(encode_seal(HEADER.seed, first, previous, 0))


def opened(*parts: bytes, size: int = SIZE) -> tuple[Disk, int]:
    page = HEADER.encode().ljust(BODY, b"\0")
    disk = Disk({"s": (page + b"".join(parts)).ljust(size, b"\0")})
    return disk, disk.open(PATH)


def walked(*parts: bytes) -> tuple[list[int], Walk]:
    steps = Walk(*opened(*parts), PATH, HEADER)
    return [frame.first_sequence for frame in steps], steps


def test_an_empty_segment_ends_before_its_first_sequence() -> None:
    found, steps = walked()
    assert found == []
    assert (steps.sequence, steps.next_sequence, steps.time_ns) == (7, 11, 70)
    assert (steps.offset, steps.sealed, steps.problem) == (BODY, False, None)


def test_batches_are_found_up_to_the_zeros() -> None:
    found, steps = walked(batch(11, 7), batch(13, 12))
    assert found == [11, 13]
    assert (steps.sequence, steps.next_sequence, steps.time_ns) == (14, 15, 131)
    assert steps.offset == BODY + 2 * frame_size(1)


def test_nothing_is_read_after_a_seal() -> None:
    found, steps = walked(batch(11, 7), seal(13, 12), b"rubbish")
    assert found == [11]
    assert steps.sealed
    assert steps.problem is None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (batch(13, 11), "the batch before it is another one"),
        (batch(14, 12), "a gap"),
        (batch(12, 12), "a repeat"),
        (batch(11, 7), "the same again"),
        (seal(13, 11), "a seal of another end"),
        (seal(12, 12), "a seal that goes back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_whole_frame_out_of_order_is_a_problem(wrong: bytes, why: str) -> None:
    found, steps = walked(batch(11, 7), wrong)
    assert found == [11]
    assert steps.problem is not None, why
    assert steps.problem.order
    assert (steps.problem.offset, steps.problem.sequence) == (BODY + frame_size(1), 13)


def test_a_seal_may_leave_out_sequences_that_were_allowed_to_be_lost() -> None:
    assert walked(batch(11, 7), seal(40, 12))[1].sealed


@pytest.mark.parametrize("distance", [8, 1000, 1 << 20, (1 << 20) - 8, (1 << 20) + 8, 3 << 20])
def test_a_whole_frame_is_found_at_any_distance_after_a_bad_one(distance: int) -> None:
    disk, file = opened(b"?" * distance, batch(13, 12, b"y" * 2000))
    assert valid_frame_after(disk, file, HEADER, BODY + 8) == BODY + distance


def test_decoys_before_a_whole_frame_do_not_hide_it() -> None:
    decoys = batch(11, 7)[:8] + b"RFRM" * 100 + batch(11, 7, b"z" * 500)[:-1] + b"?"
    decoys = decoys.ljust(len(decoys) + -len(decoys) % 8, b"?")
    disk, file = opened(decoys, batch(13, 12))
    assert valid_frame_after(disk, file, HEADER, BODY + 8) == BODY + len(decoys)


def test_where_no_whole_frame_is_none_is_found() -> None:
    disk, file = opened(batch(11, 7)[:-8], b"RFRM" * 100_000)
    assert valid_frame_after(disk, file, HEADER, BODY + 8) is None
    disk, file = opened(size=BODY + 100)
    assert valid_frame_after(disk, file, HEADER, BODY + 8) is None


@pytest.mark.parametrize("places", [[], [0], [5, 100], [0, 3 << 20], [walk.CHUNK - 1], [walk.CHUNK]])
def test_the_end_of_the_data_is_after_the_last_byte_that_is_not_zero(places: list[int]) -> None:
    data = bytearray(SIZE)
    for place in places:
        data[BODY + place] = 1
    disk = Disk({"s": bytes(data)})
    assert end_of_data(disk, disk.open(PATH), BODY) == BODY + (places[-1] + 1 if places else 0)
