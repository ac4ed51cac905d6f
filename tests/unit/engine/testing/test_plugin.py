"""The fixtures of the kit, as a test of an application uses them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import Node
from engine.testing import InlineEngine, given
from examples.notes import app
from examples.notes.messages import CreateNote, NoteCreated
from examples.notes.note import Note

ROOT = Path(__file__).parents[4]


def test_given_is_the_one_of_the_kit(ringfold_given: Callable[..., Any]) -> None:
    assert ringfold_given is given
    ringfold_given(Note).when(CreateNote("n", title="Tea")).then(NoteCreated(title="Tea"))


def test_inline_engines_are_made_with_the_options_of_the_class(
    ringfold_inline: Callable[..., InlineEngine],
) -> None:
    made = [ringfold_inline(app), ringfold_inline(app, partitions=2)]
    assert [engine.partitions for engine in made] == [1, 2]
    assert all(engine.send(CreateNote("n", title="Tea")).ok for engine in made)


def test_a_node_runs_for_as_long_as_the_test(ringfold_node: Callable[..., Node], tmp_path: Path) -> None:
    node = ringfold_node("examples.notes:app", partitions=2)
    assert node.endpoints.partitions == 2
    assert node.data.parent == tmp_path


def test_a_project_that_does_not_ask_for_the_fixtures_has_none() -> None:
    assert "pytest11" not in (ROOT / "pyproject.toml").read_text()
