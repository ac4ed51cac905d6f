"""A change of a source file is noticed, by either way of watching; other files are not looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import watching
from engine.cli.watching import Looking, Watch, is_source, watch


def notified(folder: Path) -> Watch:
    pytest.importorskip("watchfiles")
    return watch(folder)


@pytest.mark.parametrize("way", [Looking, notified])
def test_what_changes_is_named(tmp_path: Path, way: Callable[[Path], Watch]) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "rules.py").write_text("one = 1\n")
    (tmp_path / ".ringfold").mkdir()
    watched = way(tmp_path)
    assert watched.wait(0.0) == []
    (tmp_path / "shop" / "rules.py").write_text("one = 11\n")
    (tmp_path / ".ringfold" / "hidden.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert watched.wait(10.0) == [tmp_path / "shop" / "rules.py"]
    (tmp_path / "fresh.py").write_text("")
    assert watched.wait(10.0) == [tmp_path / "fresh.py"]
    (tmp_path / "fresh.py").unlink()
    assert watched.wait(10.0) == [tmp_path / "fresh.py"]


def test_without_the_extra_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(folder: Path) -> Watch:
        raise ModuleNotFoundError("watchfiles")

    monkeypatch.setattr(watching, "_Notified", missing)
    assert watch(tmp_path).by == "looking at files"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("app.py", True),
        ("shop/app.py", True),
        ("pyproject.toml", True),
        ("README.md", False),
        (".venv/lib/x.py", False),
        ("venv/lib/x.py", False),
        ("__pycache__/x.py", False),
        (".ringfold/x.py", False),
    ],
)
def test_what_a_program_is_made_of(name: str, source: bool) -> None:
    assert is_source(Path("/some/.where") / name, Path("/some/.where")) == source
