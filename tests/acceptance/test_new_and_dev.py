"""From nothing to an application that answers, and is started again when it changes."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest

from engine.cli import main
from engine.cli.new import FILES
from tests.acceptance.kit import ROOT, clean_environment, one_line

FIRST_ANSWER_S = 30.0  # from `new` to the first command that is answered
SOON_S = 60.0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A new application."""
    assert main(["new", str(tmp_path / "shop")]) == 0
    return tmp_path / "shop"


def environment(shop: Path) -> dict[str, str]:
    """That of a developer who has installed the engine."""
    return clean_environment() | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def passes(shop: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=shop, env=environment(shop), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_application_has_six_files_and_passes_its_tests_and_ruff(shop: Path) -> None:
    pytest.importorskip("ruff")
    assert sorted(path.name for path in shop.iterdir()) == sorted(FILES)
    passes(shop, "pytest", "-q", "-p", "no:cacheprovider")
    passes(shop, "ruff", "check", "--no-cache", ".")
    passes(shop, "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.smoke
def test_a_new_application_is_typed_strictly(shop: Path) -> None:
    pytest.importorskip("mypy")
    passes(shop, "mypy", "--strict", "--cache-dir", str(shop / ".mypy_cache"))


@pytest.mark.parametrize(
    ("name", "says"), [("9lives", "cannot be the name"), ("full", "has something in it")]
)
def test_what_cannot_be_made_is_one_line(
    tmp_path: Path, name: str, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert main(["new", str(tmp_path / name)]) == 2
    assert says in one_line(capfd.readouterr().err)


class Developing:
    """`ringfold dev` in a folder, as a program reads it."""

    def __init__(self, shop: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine", "dev", "--json", *arguments],
            cwd=shop,
            env=environment(shop),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[dict[str, Any]] = []
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def upto(self, what: str) -> dict[str, Any]:
        """Reads until this happened."""
        with suppress(Empty):
            while line := self._lines.get(timeout=SOON_S):
                self.told.append(json.loads(line)["data"])
                if self.told[-1]["what"] == what:
                    return self.told[-1]
        complained = self.kill()
        raise AssertionError(f"it did not come to {what}: {self.told}, {complained}")

    def end(self) -> tuple[int, str]:
        """Ctrl-C: the exit code, and what is on standard error."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(SOON_S)
        return self._process.returncode, self.kill()

    def kill(self) -> str:
        """As a terminal that is closed at once. Returns what is on standard error."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        if self._process.stderr.closed:
            return ""
        with self._process.stderr as complained:
            return complained.read()


@pytest.fixture
def dev(shop: Path) -> Iterator[Developing]:
    pytest.importorskip("starlette")
    dev = Developing(shop)
    yield dev
    dev.kill()


def post(http: str, pieces: int) -> dict[str, Any]:
    """What curl does."""
    request = urllib.request.Request(
        f"{http}/api/commands/box.put",
        json.dumps({"aggregate": "box-1", "pieces": pieces}).encode(),
        {"Content-Type": "application/json"},
    )
    answer: dict[str, Any] = json.loads(urllib.request.urlopen(request, timeout=30).read())
    return answer


def get(url: str) -> Any:
    return json.loads(urllib.request.urlopen(url, timeout=30).read())


def test_a_change_is_served_and_what_it_changes_about_the_past_is_told(shop: Path, dev: Developing) -> None:
    began = time.monotonic()
    http = dev.upto("ready")["http"]
    assert post(http, 3)["outcome"] == "committed"
    assert time.monotonic() - began < FIRST_ANSWER_S
    assert "openapi.json" in dev.upto("addresses")["OpenAPI"]

    file = shop / "app.py"
    text = file.read_text()
    file.write_text(text.replace("PutIn(pieces=command.pieces)", "PutIn(pieces=command.pieces * 10)"))
    assert dev.upto("changed")["files"] == ["app.py"]
    assert dev.upto("ready")["http"] == http, "it is where it was"
    (differs,) = dev.upto("differs")["differences"]
    assert [differs[when][0]["pieces"] for when in ("stored", "today")] == [3, 30]
    post(http, 1)
    after = get(f"{http}/api/views/boxes/box?box=box-1&at_least=0:2")
    assert after["pieces"] == 13, "what is stored stays as it is"

    file.write_text(text + "\nwrong = (\n")
    dev.upto("failed")
    assert any("SyntaxError" in told["line"] for told in dev.told if told["what"] == "log")
    file.write_text(text)
    dev.upto("ready")
    assert post(http, 1)["version"] == 3

    assert dev.end() == (0, "")
    assert (shop / ".ringfold" / ".gitignore").read_text() == "*\n"
    assert "node.ready" in (shop / ".ringfold" / "node.log").read_text()
    status = [sys.executable, "-m", "engine", "events", "read"]
    read = subprocess.run(status, cwd=shop, env=environment(shop), capture_output=True, text=True)
    assert len(read.stdout.splitlines()) == 3, "other commands find the data by pyproject.toml"


def test_where_it_is_reached_is_told_again_if_a_port_is_another_one_each_time(shop: Path) -> None:
    pytest.importorskip("starlette")
    dev = Developing(shop, "--http=127.0.0.1:0")
    try:
        first = dev.upto("ready")["http"]
        assert dev.upto("addresses")["OpenAPI"].startswith(first)
        with (shop / "app.py").open("a") as file:
            file.write("# a change\n")
        second = dev.upto("ready")["http"]
        if second != first:
            assert dev.upto("addresses")["OpenAPI"].startswith(second)
    finally:
        dev.kill()


def test_it_is_for_people_too_and_begins_afresh_when_asked(shop: Path) -> None:
    (shop / ".ringfold" / "data").mkdir(parents=True)
    (shop / ".ringfold" / "data" / "old").write_text("of another application")
    with subprocess.Popen(
        [sys.executable, "-m", "engine", "dev", "app.py", "--fresh", "--http="],
        cwd=shop, env=environment(shop), stdout=subprocess.PIPE, text=True,
    ) as dev:  # fmt: skip
        assert dev.stdout is not None
        lines: list[str] = []
        while not lines or "reload" not in lines[-1]:
            lines.append(dev.stdout.readline())
            assert lines[-1], "it ended"
        dev.send_signal(signal.SIGTERM)
        dev.communicate(timeout=60)
    text = "".join(lines)
    assert lines[0] == f"app:app in {shop}\n"
    assert "ready in " in text
    assert "commands  ipc://" in text
    assert "ringfold status --data .ringfold/data" in text
    assert dev.returncode == 0
    assert not (shop / ".ringfold" / "data" / "old").exists()


def test_two_do_not_share_the_data_and_a_node_does_not_outlive_it(shop: Path) -> None:
    dev = Developing(shop, "--http=")
    dev.upto("ready")
    second = Developing(shop, "--http=")
    second.upto("failed")
    assert any("another node" in told["line"] for told in second.told if told["what"] == "log")
    assert second.end() == (0, "")
    dev.kill()
    again = Developing(shop, "--http=")
    again.upto("ready")
    assert again.end() == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dev"], "there is no application here"),
        (["dev", "nothing.py"], "there is no such file"),
    ],
)
def test_where_there_is_nothing_to_run_it_says_so(
    tmp_path: Path,
    arguments: list[str],
    says: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert says in one_line(capfd.readouterr().err)
    assert os.listdir(tmp_path) == []


def test_only_its_own_data_are_thrown_away(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    (tmp_path / "precious").mkdir()
    assert main(["dev", "--fresh", f"--data={tmp_path / 'precious'}"]) == 2
    assert "throws away what is in .ringfold only" in capfd.readouterr().err
    assert (tmp_path / "precious").is_dir()
