"""The failure of a follower: a view or process manager that could not be kept running, noted until it may run
again.

    failed/NAME.json   {"cause", "since", "mark"}     NAME: of its process

Commands go on without it, and a stand-in answers its queries with the cause. It is tried again when its code
has another mark, or when an operator says so.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.files import DISK, Files

LONGEST_CAUSE = 500


class Failure(msgspec.Struct, frozen=True):
    """Why it failed, since when, and the mark of the code that did."""

    cause: str
    since: str
    mark: str


def failure_of(cause: str, mark: str) -> Failure:
    """A failure of now."""
    return Failure(cause[:LONGEST_CAUSE], datetime.now(UTC).isoformat(timespec="seconds"), mark)


def read_failure(path: Path, files: Files = DISK) -> Failure | None:
    """What is noted; None if nothing is, or if the note cannot be read: then it is tried again."""
    try:
        return msgspec.json.decode(read_note(path, files), type=Failure)
    except (OSError, *NOT_DECODABLE):
        return None


def write_failure(path: Path, failure: Failure, files: Files = DISK) -> None:
    """Notes it, durably. Raises OSError."""
    files.make_folder(path.parent)
    replace_note(path, msgspec.json.encode(failure) + b"\n", files)


def query_in_hand(run: Path, process: str) -> Path:
    """The file in the run directory that says which query a process is answering; its first line is empty
    while it answers none. See `engine.stages.poisoned_queries`."""
    return run / f"{process}.query"


def answers_a_query(run: Path, process: str) -> bool:
    """True if a process is, or ended, at a query: that query is to blame then, and not the process."""
    try:
        with query_in_hand(run, process).open("rb") as file:
            return file.read(1) not in (b"", b"\n")
    except OSError:
        return False


def last_words(run: Path, process: str) -> Path:
    """The file in the run directory in which a process says why it ends."""
    return run / f"{process}.end"
