"""What counts as the code of a view, and what is said of a folder that other code has begun."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.durable import read_note
from engine.follow.code import FILE, is_of_other_code, view_mark

VIEW = """
from engine import Projection, Table, on, query
from library import rules
from library.messages import Lent
from library.rules import counts

FACTOR = 2
UNUSED = 3


class Rows(Projection):
    @on(Lent)
    def lent(self, event: Lent, view: Table) -> None:
        view["n"] = view.get("n", 0) + FACTOR * counts(event)  # a comment

    @query
    def n(self, view: Table) -> int:
        return view["n"]


class Listing(Rows):
    indexes = ()
    'Nothing.'


def unused():
    return 1
"""
RULES = """
from library import limits


def counts(event):
    return helper(event)


def helper(event):
    return min(event.n, limits.MOST)


def other(event):
    return 0
"""
FILES = {
    "__init__": "",
    "messages": "from engine import Event\nclass Lent(Event, name='lent'):\n    n: int = 1\n",
    "rules": RULES,
    "limits": "MOST = 9\nLEAST = 1\n",
    "view": VIEW,
}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "library"
    folder.mkdir()
    for name, source in FILES.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "library"]:
        del sys.modules[name]


def mark(library: Path, *, queries: bool = False) -> str:
    """The mark of the view, from the files as they are now."""
    forget()
    importlib.invalidate_caches()
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        return view_mark(importlib.import_module("library.view").Listing, queries=queries)
    finally:
        sys.dont_write_bytecode = before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("view", "FACTOR *", "3 *"),
        ("view", "FACTOR = 2", "FACTOR = 5"),
        ("view", "indexes = ()", "indexes = ('n',)"),
        ("messages", "n: int = 1", "n: int = 2"),
        ("rules", "event.n, limits", "event.n + 1, limits"),
        ("limits", "MOST = 9", "MOST = 8"),
    ],
)
def test_what_rows_depend_on_counts_however_far_away(library: Path, file: str, old: str, new: str) -> None:
    before = mark(library)
    path = library / f"{file}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert mark(library) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("view", "# a comment", "# another"),
        ("view", "Nothing.", "Nothing at all."),
        ("view", 'return view["n"]', 'return 2 * view["n"]'),
        ("view", "UNUSED = 3", "UNUSED = 4"),
        ("view", "return 1", "return 2"),
        ("rules", "return 0", "return 1"),
        ("limits", "LEAST = 1", "LEAST = 2"),
    ],
)
def test_what_changes_no_row_does_not_count(library: Path, file: str, old: str, new: str) -> None:
    before = mark(library)
    path = library / f"{file}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert mark(library) == before


def test_a_query_counts_where_it_is_asked_whether_what_failed_is_mended(library: Path) -> None:
    before = mark(library, queries=True)
    path = library / "view.py"
    path.write_text(path.read_text().replace('return view["n"]', 'return 2 * view["n"]'))
    assert mark(library, queries=True) != before


def test_a_folder_belongs_to_the_code_that_began_it(tmp_path: Path) -> None:
    assert not is_of_other_code(tmp_path, "a", begun=False)
    assert not is_of_other_code(tmp_path, "a", begun=True)
    assert is_of_other_code(tmp_path, "b", begun=True)
    assert is_of_other_code(tmp_path, "b", begun=True), "until it is built again"
    assert not is_of_other_code(tmp_path, "b", begun=False)
    assert read_note(tmp_path / FILE) == b"b\n"
    (tmp_path / FILE).unlink()
    assert not is_of_other_code(tmp_path, "c", begun=True), "nothing is known, so it is taken for its own"
