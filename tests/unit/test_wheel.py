"""What is installed: three packages, a command, and no more dependencies than the engine has."""

import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from engine import __version__

ROOT = Path(__file__).parents[2]
PACKAGES = {"domain_12306", "engine", "ringbuffer"}
BESIDES = ("benchmarks", "examples", "tests", "run.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as building leaves files beside the source."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"][0]
    least = int(needed.partition(">=")[2].split(".")[0])
    try:
        there = int(importlib.metadata.version("setuptools").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        there = 0
    if there < least:
        pytest.skip(f"a wheel is not built: setuptools {there or 'none'} here, {needed} is needed")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, *BESIDES):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source))
    (built,) = target.glob("*.whl")
    return built


def pip(python: str | Path, *arguments: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_three_packages_with_their_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


def test_the_wheel_says_what_the_engine_needs_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        folder = f"ringfold-{__version__}.dist-info"
        metadata = Parser().parsestr(opened.read(f"{folder}/METADATA").decode())
        points = opened.read(f"{folder}/entry_points.txt").decode()
    assert metadata["Version"] == __version__
    needed = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert "numpy" not in " ".join(needed)
    assert metadata.get_all("Provides-Extra") == [
        "railway",
        "http",
        "cli",
        "dev",
        "cluster",
        "otel",
        "all",
        "test",
        "frameworks",
        "docs",
        "check",
    ]
    assert "ringfold = engine.__main__:ringfold" in points
    assert "pytest" not in points, "fixtures are for projects that ask for them"


@pytest.mark.slow
def test_what_is_installed_runs_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    folder = tmp_path / "venv" / "bin"
    pip(folder / "python", "install", "--no-deps", "--no-index", str(wheel))  # help and version need nothing
    for argument, says in (("--version", f"ringfold {__version__}\n"), ("--help", "\n  demo ")):
        shown = subprocess.run(
            [folder / "ringfold", argument], cwd=tmp_path, env={}, capture_output=True, text=True, timeout=30
        )
        assert (shown.returncode, shown.stderr) == (0, "")
        assert says in shown.stdout
