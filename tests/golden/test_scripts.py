"""Every golden script holds, inline and on a node whose clock is moved."""

from functools import partial
from pathlib import Path

import pytest

from tests.golden.clerk import Clerk
from tests.golden.stages import inline, on_node

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


def marked(number: int, script: Path) -> object:
    """Some of them are played on a node with everything else, all of them with `make slow`."""
    return pytest.param(script, marks=pytest.mark.smoke if number % 10 == 0 else pytest.mark.slow)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_golden_script_holds(script: Path) -> None:
    Clerk(script.read_text(encoding="utf-8")).play(inline)


@pytest.mark.parametrize(
    "script", [marked(*numbered) for numbered in enumerate(SCRIPTS)], ids=lambda path: path.stem
)
def test_a_golden_script_holds_on_a_node(script: Path, tmp_path: Path) -> None:
    Clerk(script.read_text(encoding="utf-8")).play(partial(on_node, folder=tmp_path))
