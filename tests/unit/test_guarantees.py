"""docs/GUARANTEES.md and the README promise nothing that no test tries to break."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "GUARANTEES.md").read_text()
PROMISES, _, NOT_PROMISED = PAGE.partition("## Not guaranteed")
SENTENCES = [" ".join(part.split()) for part in re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]]
README = (ROOT / "README.md").read_text()
ROWS = re.findall(r"^\| (P\d+) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@cache
def functions_of(path: Path) -> set[str]:
    """The names of the test functions of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: str(sentence)[:60])
def test_every_sentence_names_its_tests(sentence: str) -> None:
    promise, _, named = sentence.partition(" - `tests/")
    assert named, f"nothing tests: {promise}"
    assert promise.endswith("."), promise


@pytest.mark.parametrize(("file", "name"), sorted(set(TESTS)))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name.startswith("test_")
    assert (ROOT / file).is_file(), f"there is no {file}"
    assert name in functions_of(ROOT / file), f"{file} has no {name}"


def test_everything_that_looks_like_a_test_is_looked_at() -> None:
    assert len(SENTENCES) >= 20
    assert PAGE.count("`tests/") - PAGE.count("`tests/unit/test_guarantees.py`") == len(TESTS)
    assert "- `tests/" not in NOT_PROMISED


def test_the_promises_of_the_readme_are_counted() -> None:
    numbers = [int(name.removeprefix("P")) for name, _, _ in ROWS]
    assert numbers == sorted(set(numbers))
    assert len(ROWS) >= 12


@pytest.mark.parametrize(("promise", "named"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_promise_of_the_readme_names_files_with_tests(promise: str, named: str) -> None:
    paths = re.findall(r"`(tests/[\w/.]+)`", named)
    assert paths, f"nothing tests: {promise}"
    for path in paths:
        place = ROOT / path
        files = [place] if place.is_file() else sorted(place.rglob("test_*.py"))
        helps = {"tests/checker.py"}  # what the tests check with
        tests = {name for file in files for name in functions_of(file) if name.startswith("test_")}
        assert tests or path in helps, f"{path} has no test"
