"""The reference: its examples run from top to bottom, and every public name stands in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import engine
import engine.testing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "REFERENCE.md").read_text()
BLOCKS = re.findall(r"^```python ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ENTRIES = re.findall(r"^(?:### |\| )(`.*)$", PAGE, re.MULTILINE)  # headings and first cells of rows
DESCRIBED = {name for entry in ENTRIES for name in re.findall(r"`(\w+)`", entry.split(" | ")[0])}
PATIENCE_S = 60.0


def test_the_examples_run_from_top_to_bottom(tmp_path: Path) -> None:
    for name, text in BLOCKS:
        if name:
            (tmp_path / name).write_text(text)
    examples = "\n".join(text for name, text in BLOCKS if not name)
    (tmp_path / "examples.py").write_text(f"{examples}\nprint('all of it')\n")
    environment = {name: text for name, text in os.environ.items() if "RINGFOLD" not in name}
    environment["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "examples.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "all of it\n", done.stdout + done.stderr


@pytest.mark.parametrize("name", [*engine.__all__, *engine.testing.__all__])
def test_every_public_name_has_its_entry(name: str) -> None:
    assert name in DESCRIBED


def test_every_entry_of_its_contents_is_public() -> None:
    contents = PAGE.partition("All examples use")[0]
    names = {name for row in contents.splitlines() if "](#" in row for name in re.findall(r"`(\w+)`", row)}
    assert names == {*engine.__all__, *engine.testing.__all__}
