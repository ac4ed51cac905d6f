"""The power is cut after every step of replacing a note: the old one or the new one is there, whole."""

import contextlib
import errno
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.base.durable import read_file, read_note, replace_file, replacing
from engine.base.errors import RingfoldError
from engine.base.files import Files, write_all
from engine.follow.code import is_of_other_code
from engine.follow.generations import Generation, Generations, Pointer
from engine.journal.beginning import Beginning, read_beginning, write_beginning
from engine.journal.poisoned import read_poisoned, write_poisoned
from engine.journal.refused import add_refused, read_refused
from engine.managers.birth import Birth, read_birth, write_birth
from engine.node.failure import Failure, read_failure, write_failure
from engine.node.manifest import new_manifest, read_manifest, write_manifest
from engine.reading.cursor import read_cursor, write_cursor
from engine.snapshots.needed import read_needed, write_needed
from engine.stages.poisoned_queries import Suspect, Suspects, read_suspects, write_suspects
from tests.recovery.disk import Disk, Snapshot, error

FOLDER = Path("data")
PATH = FOLDER / "note"
MANY = list(range(300))  # more than two sectors, so that a write may be torn


class Note(NamedTuple):
    """How one note is written and read, and two contents of it."""

    write: Callable[[Any, Files], object]
    read: Callable[[Files], Any]
    old: Any
    new: Any


NOTES = {
    "any file": Note(
        lambda body, files: replace_file(PATH, body, files),
        lambda files: read_file(PATH, files),
        b"old" * 500,
        b"new" * 700,
    ),
    "manifest": Note(
        lambda manifest, files: write_manifest(PATH, manifest, files),
        lambda files: read_manifest(PATH, files),
        new_manifest("a" * 600, "", 1),
        new_manifest("b" * 900, "", 2),
    ),
    "beginning of the journal": Note(
        lambda beginning, files: write_beginning(files, FOLDER, beginning),
        lambda files: read_beginning(files, FOLDER),
        Beginning(10, tuple(MANY)),
        Beginning(99, tuple(reversed(MANY))),
    ),
    "poisoned": Note(
        lambda sequences, files: write_poisoned(PATH, sequences, files),
        lambda files: read_poisoned(PATH, files),
        MANY,
        [*MANY, 12306],
    ),
    "mark of a view's code": Note(
        lambda mark, files: is_of_other_code(FOLDER, mark, False, files),
        lambda files: read_note(FOLDER / "code", files).decode().strip(),
        "a" * 600,
        "b" * 900,
    ),
    "needed": Note(
        lambda sequences, files: write_needed(PATH, sequences, files),
        lambda files: read_needed(PATH, len(MANY), files),
        MANY,
        [sequence + 1000 for sequence in MANY],
    ),
    "birth": Note(
        lambda birth, files: write_birth(FOLDER, birth, files),
        lambda files: read_birth(FOLDER, len(MANY), files),
        Birth(MANY),
        Birth([position + 1000 for position in MANY], 12306),
    ),
    "pointer": Note(
        lambda pointer, files: Generations(FOLDER, "view", files).point(pointer),
        lambda files: Generations(FOLDER, "view", files).pointer(),
        Pointer(Generation(1)),
        Pointer(Generation(1), Generation(2, 3)),
    ),
    "refused": Note(
        lambda commands, files: add_refused(PATH, 12306, commands[12306], files),
        lambda files: read_refused(PATH, files),
        {12306: "x" * 600},
        {12306: "y" * 900},
    ),
    "failure": Note(
        lambda failure, files: write_failure(PATH, failure, files),
        lambda files: read_failure(PATH, files),
        Failure("a" * 600, "then", "mark"),
        Failure("b" * 900, "now", "mark"),
    ),
    "suspected queries": Note(
        lambda suspects, files: write_suspects(PATH, suspects, files),
        lambda files: read_suspects(PATH, files),
        Suspects("a" * 600),
        Suspects("b" * 900, [Suspect("query", "{}", 2, "now")]),
    ),
    "cursor": Note(
        lambda following, files: write_cursor(PATH, following, [""] * len(following), files),
        lambda files: read_cursor(PATH, files)[0],
        [(position, 0) for position in MANY],
        [(position, 7) for position in MANY],
    ),
}


@pytest.mark.parametrize("note", NOTES.values(), ids=list(NOTES))
def test_no_power_cut_leaves_anything_but_the_old_note_or_the_new_one(note: Note) -> None:
    disk = Disk()
    note.write(note.old, disk)
    assert note.read(disk) == note.old
    disk.snapshots = [Snapshot.of(disk)]
    note.write(note.new, disk)
    chance, met = random.Random(12306), {"old": 0, "new": 0}
    for snapshot in disk.snapshots:
        for image in snapshot.images(chance, 20):
            again = Disk(image)
            found = note.read(again)
            assert found in (note.old, note.new)
            met["new" if found == note.new else "old"] += 1
            note.write(note.new, again)  # what is left beside the note does no harm
            assert note.read(Disk(again.cut())) == note.new
    assert met["old"] > 10
    assert met["new"] > 0
    assert note.read(Disk(disk.cut())) == note.new, "what has returned is durable"


@pytest.mark.parametrize("note", NOTES.values(), ids=list(NOTES))
def test_a_step_that_fails_leaves_the_old_note_or_the_new_one(note: Note) -> None:
    disk = Disk()
    note.write(note.old, disk)
    image, steps = disk.image(), len(disk.steps)
    note.write(note.new, disk)
    for number in range(len(disk.steps) - steps):
        faulty = Disk(image)
        faulty.errors = {number: errno.EIO}
        with contextlib.suppress(OSError, RingfoldError):
            note.write(note.new, faulty)
        for left in (faulty.image(), faulty.cut()):
            assert note.read(Disk(left)) in (note.old, note.new)


def test_a_block_that_raises_replaces_nothing() -> None:
    disk = Disk()
    replace_file(PATH, b"old", disk)
    with contextlib.suppress(OSError), replacing(PATH, disk) as file:
        write_all(disk, file, [b"ne"], 0)
        raise error(errno.EIO)
    assert read_file(PATH, disk) == b"old"
    assert disk.files == {}, "every descriptor was closed"


def test_a_full_disk_keeps_the_old_note() -> None:
    disk = Disk()
    replace_file(PATH, b"old", disk)
    disk.room = 2
    with pytest.raises(OSError, match="ENOSPC"):
        replace_file(PATH, b"new", disk)
    assert read_file(PATH, disk) == b"old"
