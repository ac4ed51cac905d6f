"""`make matrix`: short tests on every Python that is here, with the oldest and the newest of what is needed.

    python -m tests.matrix                              all of it
    python -m tests.matrix --which oldest --python /usr/bin/python3.12

The oldest are the lower bounds in pyproject.toml, taken at their word: a bound with which nothing works is
worse than none. Only wheels are installed, as on a machine without a compiler. Everything happens in fresh
virtual environments in a temporary directory; the registry that pip is configured for must be reachable.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
TESTS = (
    "tests/unit/ringbuffer",
    "tests/unit/engine",
    "tests/unit/domain_12306",
    "tests/acceptance/test_command_line.py",
)
EXTRAS = ("railway", "http", "test")
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


def requirements() -> list[str]:
    """What the engine, the railway and the tests need, as pyproject.toml says it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    texts: list[str] = project["dependencies"] + [text for name in EXTRAS for text in extras[name]]
    for text in texts:
        if not REQUIREMENT.fullmatch(text):
            raise SystemExit(f"{text}: a requirement is NAME>=VERSION, so that its bound can be tried")
    return texts


def pythons() -> list[Path]:
    """One of each version that runs here: from PATH, or kept by pyenv."""
    found = []
    for version in PYTHONS:
        kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for candidate in (shutil.which(f"python{version}"), *kept):
            if candidate and runs(candidate, version):
                found.append(Path(candidate))
                break
    return found


def runs(python: str | Path, version: str) -> bool:
    """False for a shim without a Python behind it."""
    code = "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"
    shown = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return shown.stdout.strip() == version


def try_one(python: Path, which: str, tests: list[str]) -> bool:
    """Makes an environment, runs the tests in it; says what came of it."""
    with tempfile.TemporaryDirectory(prefix="ringfold-matrix-") as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([python, "-m", "venv", folder], check=True)
        inside = Path(folder) / "bin" / "python"
        wanted = [text.replace(">=", "==") if which == "oldest" else text for text in requirements()]
        install = ["install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "--upgrade"]
        done = subprocess.run([inside, "-m", "pip", *install, *wanted], env=environment)
        if done.returncode == 0:
            done = subprocess.run(
                [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests],
                cwd=ROOT,
                env=environment,
            )
        return done.returncode == 0


def main() -> int:
    """Tries every combination, goes on after a failure, and ends with a table."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m tests.matrix", description=__doc__, formatter_class=raw)
    parser.add_argument("--python", type=Path, action="append", help="this one only; may be repeated")
    parser.add_argument("--which", choices=("oldest", "newest"), action="append", help="these only")
    parser.add_argument("tests", nargs="*", default=TESTS, help="what pytest runs")
    options = parser.parse_args()
    rows = []
    for python in options.python or pythons():
        for which in options.which or ("oldest", "newest"):
            print(f"matrix: {python} with the {which}", flush=True)
            began = time.monotonic()
            passed = try_one(python, which, list(options.tests))
            took = f"{time.monotonic() - began:.0f} s"
            rows.append((str(python), which, "passed" if passed else "FAILED", took))
    for row in rows:
        print("matrix: " + "  ".join(row))
    return 0 if rows and all(row[2] == "passed" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
