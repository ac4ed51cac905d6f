"""Hints name the command as it was typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
# As pip writes it.
CONSOLE_SCRIPT = "import sys\nfrom engine.__main__ import ringfold\nsys.exit(ringfold())\n"


@pytest.mark.parametrize(
    ("words", "name"), [(("run.py",), "python run.py"), (("-m", "engine"), "python -m engine")]
)
def test_a_hint_can_be_typed_as_it_stands(words: tuple[str, ...], name: str) -> None:
    shown = subprocess.run(
        [sys.executable, *words, "config", "--set", "nothing=1"],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert shown.returncode == 2
    assert f"`{name} config` lists all settings" in shown.stderr


def test_the_console_script_is_ringfold_and_finds_the_application_that_lies_here(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "ringfold"
    script.parent.mkdir()
    script.write_text(CONSOLE_SCRIPT)
    (tmp_path / "shop.py").write_text("SETTINGS = ('size',)\n")
    shown = subprocess.run(
        [sys.executable, str(script), "config", "--app", "shop:app", "--set", "sizes=1"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "(name=sizes, source=flag); did you mean size" in shown.stderr
    shown = subprocess.run(
        [sys.executable, str(script), "--help"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert shown.stdout.startswith("usage: ringfold COMMAND ...\n")
