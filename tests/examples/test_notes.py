"""The notes example: rules, view, and the program that tells the story."""

import subprocess
import sys
from pathlib import Path

from engine.testing import given
from examples.notes.listing import Listing
from examples.notes.messages import ChangeTitle, CreateNote, NoteCreated, TitleChanged
from examples.notes.note import Note

ROOT = Path(__file__).parents[2]
GROCERIES = NoteCreated(title="Groceries")


def test_a_note_is_created_once() -> None:
    create, again = CreateNote("n", title="Groceries"), CreateNote("n", title="Mine")
    story = given(Note).when(create).then(GROCERIES)
    story.when(again).rejected("already-exists").when(create).then()


def test_a_note_has_a_title() -> None:
    given(Note).when(CreateNote("n", title=" ")).rejected("no-title")
    given(Note, GROCERIES).when(ChangeTitle("n", title="")).rejected("no-title")


def test_a_title_is_changed_and_the_same_title_is_no_change() -> None:
    story = (
        given(Note, GROCERIES).when(ChangeTitle("n", title="Shopping")).then(TitleChanged(title="Shopping"))
    )
    story.when(ChangeTitle("n", title="Shopping")).unchanged()


def test_a_note_that_was_never_created_has_no_title() -> None:
    given(Note).when(ChangeTitle("n", title="Lost")).failed("aggregate-unknown")


def test_the_listing_shows_titles_and_how_often_they_were_changed() -> None:
    changes = [("a", TitleChanged(title="Shopping")), ("a", TitleChanged(title="Errands"))]
    view = given(("a", GROCERIES), ("b", NoteCreated(title="Ideas")), *changes).project(Listing)
    view.shows("titles", {}, {"a": "Errands", "b": "Ideas"})
    view.shows("note", {"note": "a"}, {"title": "Errands", "changes": 2})
    view.shows("note", {"note": "nobody's"}, None)


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
        "a note that was never created: failed aggregate-unknown",
        "the process that holds all notes in memory is killed",
        "and the next command runs as if nothing was: committed version 3",
        "the view: {'note-1': 'Errands', 'note-3': 'Ideas'}",
    ], done.stderr
