"""The notes example: rules, view, and the program that tells the story."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_program_tells_what_becomes_of_each_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.notes"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "a note is created: committed version 1",
        "the same command again has no second effect: committed version 1",
        "another command for the same note is refused: rejected already-exists",
        "its title is changed: committed version 2",
        "to what it is already: unchanged",
        "to nothing: rejected no-title",
        "a note that nobody created: failed aggregate-unknown",
        "the process that holds all notes in memory is killed",
        "and the next command runs as if nothing was: committed version 3",
        "the view: {'note-1': 'Errands', 'note-3': 'Ideas'}",
    ], done.stderr
