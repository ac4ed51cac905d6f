"""The tutorial, done as it says: its files written, its programs run, its output compared."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "TUTORIAL.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLE = ROOT / "examples" / "notes"
PATIENCE_S = 30.0
CONSOLE_SCRIPT = "import sys\nfrom engine.__main__ import ringfold\nsys.exit(ringfold())\n"


class Reader:
    """A reader at a terminal in an empty folder, with the environment active."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serving: subprocess.Popen[str] | None = None
        self.environment = {name: text for name, text in os.environ.items() if "RINGFOLD" not in name}
        script = folder / ".bin" / "ringfold"  # as pip writes it; here the checkout need not be installed
        script.parent.mkdir()
        script.write_text(f"#!{sys.executable}\n{CONSOLE_SCRIPT}")
        script.chmod(0o755)
        path = (script.parent, Path(sys.executable).parent, os.environ["PATH"])
        self.environment["PATH"] = os.pathsep.join(map(str, path))
        self.environment["PYTHONPATH"] = str(ROOT)
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"  # files change within the second that a cache knows

    def write(self, name: str, text: str) -> None:
        """Puts a file of the page into the folder, in place of an earlier one."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run(self, session: str) -> None:
        """Types the commands of a session, and holds what they print against the page."""
        for command, expected in commands_of(session):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
            told = f"{command}\n{done.stdout}{done.stderr}"
            assert pattern(expected).fullmatch(done.stdout), told
            assert done.returncode == 0, told

    def serve(self, session: str) -> None:
        """Starts the node of a session, in place of the one that runs, and waits for its first line."""
        self.stop()
        ((command, expected),) = commands_of(session)
        with (self.folder / "serve.log").open("a") as log:
            self.serving = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.serving.stdout is not None
        ready, _, _ = select.select([self.serving.stdout], [], [], PATIENCE_S)
        line = self.serving.stdout.readline() if ready else ""
        assert pattern(expected).fullmatch(line), f"{line}{(self.folder / 'serve.log').read_text()}"

    def stop(self) -> None:
        """Ctrl-C at the terminal of the node."""
        if self.serving is not None:
            self.serving.send_signal(signal.SIGINT)
            assert self.serving.wait(PATIENCE_S) == 0
            self.leave()

    def leave(self) -> None:
        """Nothing runs any more, however this ended."""
        if self.serving is not None:
            self.serving.kill()
            self.serving.communicate()
            self.serving = None


def commands_of(session: str) -> Iterator[tuple[str, str]]:
    """(command, what it prints) of each `$` of a session."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def pattern(expected: str) -> "re.Pattern[str]":
    """What the page shows: `…` stands for anything, blanks at the end of a line for nothing."""
    lines = [re.escape(line).replace("…", ".*") for line in expected.splitlines()]
    return re.compile("".join(f"{line} *\n" for line in lines), re.DOTALL)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        reader.leave()


def test_the_tutorial_does_what_it_shows(reader: Reader) -> None:
    began = time.monotonic()
    for language, name, text in BLOCKS:
        if language == "python":
            reader.write(name, text)
        elif name == "serve":
            reader.serve(text)
        elif language == "console":
            reader.run(text)
    reader.stop()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("name", ["messages", "note", "listing"])
def test_the_tutorial_builds_the_notes_example(name: str) -> None:
    first = next(text for language, file, text in BLOCKS if file == f"notes/{name}.py")
    assert first == (EXAMPLE / f"{name}.py").read_text().replace("from examples.notes.", "from notes.")
