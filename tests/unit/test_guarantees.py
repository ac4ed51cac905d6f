"""docs/GUARANTEES.md promises nothing that no test tries to break."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "GUARANTEES.md").read_text()
PROMISES, _, NOT_PROMISED = PAGE.partition("## Not guaranteed")
SENTENCES = [" ".join(part.split()) for part in re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]]
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
