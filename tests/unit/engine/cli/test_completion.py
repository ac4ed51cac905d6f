"""The file for the Tab key: static, with every command, its options, files and folders."""

import shutil
import subprocess
import sys

import pytest

from engine.cli import main
from engine.cli.commands import OWN
from tests.acceptance.kit import one_line


def script(shell: str, capfd: pytest.CaptureFixture[str]) -> str:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    said, complained = capfd.readouterr()
    assert complained == ""
    return said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_has_every_command_and_calls_no_python(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capfd)
    assert all(command.name in text for command in OWN)
    assert "python" not in text.lower().replace("python -m engine", "")
    if found := shutil.which(shell):
        checked = subprocess.run([found, "-n"], input=text, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("stat", {"status"}),
        ("status --j", {"--json"}),
        ("events t", {"tail"}),
        ("events read --agg", {"--aggregate"}),
        ("completion z", {"zsh"}),
    ],
)
def test_bash_offers_what_fits(words: str, offered: set[str], capfd: pytest.CaptureFixture[str]) -> None:
    typed = ["ringfold", *words.split()]
    ask = (
        f"COMP_WORDS=({' '.join(typed)}); COMP_CWORD={len(typed) - 1}; "
        f'_shtab_ringfold ringfold {typed[-1]} {typed[-2]}; echo "${{COMPREPLY[@]}}"'
    )
    shown = subprocess.run(["bash", "-c", f"{script('bash', capfd)}\n{ask}"], capture_output=True, text=True)
    assert set(shown.stdout.split()) == offered, shown.stderr


def test_without_the_extra_it_says_what_is_missing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'ringfold[cli]'" in one_line(capfd.readouterr().err)
