"""What the source keeps: short files and functions, docstrings, and words that name the actor."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted(
    path
    for top in ("ringbuffer", "engine", "domain_12306", "examples", "benchmarks")
    for path in (ROOT / top).rglob("*.py")
)
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 70
LONGER = {("domain_12306/workload/audit.py", "audit")}  # the rules one after the other, as one reads them
AVOIDED = {
    "whoever": "name the actor",
    "somebody": "name the actor",
    "nobody": "name the actor",
    "everybody": "name the actor",
    "anybody": "name the actor",
    "anew": "again",
    "takes in": "applies, accepts or loads",
    "taken in": "applied, accepted or loaded",
    "take in": "apply, accept or load",
    "this is no": "this is not a",
}
WORDS = re.compile(rf"\b({'|'.join(AVOIDED)})\b", re.IGNORECASE)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of the comments and texts of a file, docstrings among them, and of all of a document."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.start[0], token.string


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(text)), "its first line says what it is"


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    lengths = {one.name: (one.end_lineno or 0) - one.lineno + 1 for one in functions(path)}
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION}
    assert {name for name in long if (relative(path), name) not in LONGER} == set()


@pytest.mark.parametrize("path", [*CODE, *DOCUMENTS], ids=relative)
def test_prose_avoids_words_that_hide_the_actor_or_mean_two_things(path: Path) -> None:
    wrong = [
        f"line {line}: {word.lower()}: {AVOIDED[word.lower()]}"
        for line, text in prose(path)
        for word in WORDS.findall(text)
    ]
    assert wrong == []
