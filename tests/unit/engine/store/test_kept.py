"""The kept decisions: what is beside a store follows it exactly, or is not there."""

from pathlib import Path

import pytest

from engine.store import kept
from engine.store.kept import BEFORE, NAME, KeptDecisions, kept_upto
from engine.store.place import Place
from engine.wire.replicated import NO_DIGEST, Decision, digest_of


def chain(count: int) -> tuple[list[bytes], list[Place]]:
    """So many messages of a log, and the place before each and after the last."""
    messages: list[bytes] = []
    places = [Place()]
    for number in range(1, count + 1):
        before = digest_of(messages[-1]) if messages else NO_DIGEST
        messages.append(Decision(number, number, 0, number, b"", before, []).encode())
        places.append(Place(number, number, number, 0, number, digest_of(messages[-1])))
    return messages, places


def keep(folder: Path, place: Place, messages: list[bytes]) -> None:
    files = KeptDecisions(folder, place)
    for number, message in enumerate(messages, place.decision + 1):
        files.add(number, message)
    files.close()


def numbers(folder: Path, place: Place) -> list[int]:
    return [one.sequence for one in kept_upto(folder, place)]


def test_what_was_kept_is_there_over_lives_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages, places = chain(20)
    monkeypatch.setattr(kept, "MOST_BYTES", 10 * (len(messages[0]) + 12))
    keep(tmp_path, places[0], messages[:5])
    keep(tmp_path, places[5], messages[5:14])
    assert numbers(tmp_path, places[14]) == list(range(1, 15))
    keep(tmp_path, places[14], messages[14:])
    assert numbers(tmp_path, places[20]) == list(range(1, 21))
    assert [one.message for one in kept_upto(tmp_path, places[20])] == messages


def test_what_is_beyond_the_store_is_cut_off(tmp_path: Path) -> None:
    messages, places = chain(6)
    keep(tmp_path, places[0], messages)
    assert numbers(tmp_path, places[4]) == [1, 2, 3, 4]
    keep(tmp_path, places[4], messages[4:5])
    assert numbers(tmp_path, places[5]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_file_begins_again(tmp_path: Path, cut: int) -> None:
    messages, places = chain(8)
    keep(tmp_path, places[0], messages[:6])
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-cut])
    assert numbers(tmp_path, places[6]) == []
    keep(tmp_path, places[6], messages[6:])
    assert numbers(tmp_path, places[8]) == [7, 8]
    assert not (tmp_path / BEFORE).exists()


def test_a_message_that_rotted_is_never_given_back(tmp_path: Path) -> None:
    messages, places = chain(8)
    keep(tmp_path, places[0], messages)
    path = tmp_path / NAME
    body = bytearray(path.read_bytes())
    body[3 * (12 + len(messages[0])) + 30] ^= 1  # in the fourth message
    path.write_bytes(body)
    assert numbers(tmp_path, places[8]) == [5, 6, 7, 8]


def test_a_message_that_is_nothing_but_zeros_is_one_that_rotted(tmp_path: Path) -> None:
    messages, places = chain(8)
    keep(tmp_path, places[0], messages)
    path = tmp_path / NAME
    body, begin = bytearray(path.read_bytes()), 3 * (12 + len(messages[0])) + 12
    body[begin : begin + len(messages[3])] = bytes(len(messages[3]))  # pages that were never written
    path.write_bytes(body)
    assert numbers(tmp_path, places[8]) == [5, 6, 7, 8]


def test_a_disk_without_room_stops_the_keeping_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages, places = chain(4)
    files = KeptDecisions(tmp_path, places[0])
    files.add(1, messages[0])
    monkeypatch.setattr("os.pwrite", lambda *_: 7)
    files.add(2, messages[1])
    monkeypatch.undo()
    files.add(3, messages[2])
    files.close()
    assert numbers(tmp_path, places[1]) == [1]
    assert numbers(tmp_path, places[3]) == []
