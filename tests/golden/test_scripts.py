"""Every golden script holds."""

from pathlib import Path

import pytest

from tests.golden.clerk import Clerk

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_golden_script_holds(script: Path) -> None:
    Clerk(script.read_text(encoding="utf-8")).play()
