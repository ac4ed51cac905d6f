"""Tools on what is damaged, missing or of another kind: lines, exit codes, and only files are replaced."""

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import Exit
from engine.base.files import remove_all
from engine.cli import journal, main
from engine.testing import InlineEngine
from tests.unit.engine.cli.sample import Add, create

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a few events."""
    data = tmp_path_factory.mktemp("tools") / "data"
    with InlineEngine(create({}), data) as engine, engine.client() as client:
        for k in range(3):
            assert client.send(Add("a", number=k)).ok
    return data


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ringfold: ")
    return line


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    """A copy of it, to damage."""
    return Path(shutil.copytree(data, tmp_path / "copy"))


ASKED = ("journal verify", "journal dump", "store verify", "events read", f"trace {'0' * 32}")
READ = [command.split() for command in ASKED]


@pytest.mark.parametrize("command", [*READ, ["status"], ["snapshot", "list"]], ids=" ".join)
@pytest.mark.parametrize("place", ["store-0000/data.mdb", "journal/00000000000000000001.journal"])
def test_no_tool_waits_at_a_pipe(
    copy: Path, capsys: pytest.CaptureFixture[str], command: list[str], place: str
) -> None:
    (copy / place).unlink()
    os.mkfifo(copy / place)
    assert main([*command, f"--data={copy}"]) == Exit.CONFIG
    assert f"a pipe or a device in the data directory (path={copy / place})" in told(capsys)


@pytest.mark.parametrize("place", ["store-0000", "store-0000/data.mdb"])
@pytest.mark.parametrize("command", [one for one in READ if one[1] != "dump"], ids=" ".join)
def test_a_store_that_is_a_link_to_nothing_is_not_taken_for_an_empty_one(
    copy: Path, capsys: pytest.CaptureFixture[str], command: list[str], place: str
) -> None:
    remove_all(copy / place)
    (copy / place).symlink_to(copy / "nothing")
    assert main([*command, f"--data={copy}"]) == Exit.CORRUPT
    assert f"of an event store was replaced by something else (path={copy / place})" in told(capsys)


def test_an_export_is_for_its_owner_alone_and_replaces_a_plain_file(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    target.write_text("old")
    before = os.umask(0)
    try:
        assert main(["events", "export", f"--data={data}", str(target)]) == Exit.OK
    finally:
        os.umask(before)
    assert len(target.read_text().splitlines()) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


@pytest.mark.parametrize("at", ["", ".part"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("aim", path)])
def test_an_export_replaces_no_folder_link_or_pipe(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], at: str
) -> None:
    there = tmp_path / f"out{at}"
    make(there)
    before = there.lstat()
    assert main(["events", "export", f"--data={data}", str(tmp_path / "out")]) == Exit.CONFIG
    assert "only a plain file is replaced" in told(capsys)
    assert os.path.samestat(there.lstat(), before)
    assert [path.name for path in tmp_path.iterdir()] == [there.name]


def test_an_export_into_a_folder_that_is_not_there(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", "export", f"--data={data}", str(tmp_path / "no" / "out")]) == Exit.DISK_FAULT
    assert "the export cannot be written" in told(capsys)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (b'{"type":"add","note":"\xff"}', "utf-8"),
        (b'{"type":"add","note":"\\ud800"}', "truncated"),
        (b'{"type":"add","note":' + b"[" * 5000 + b"]" * 5000 + b"}", "recursion"),
    ],
    ids=["no text", "half a character", "nested deeply"],
)
def test_a_command_that_the_gate_let_through_and_json_cannot_show(command: bytes, problem: str) -> None:
    shown: dict[str, Any] = journal._shown(command)
    assert shown["command"] is None
    assert problem in shown["problem"].lower()
    assert shown["text"].startswith('{"type":"add"')


def test_what_the_system_refuses_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(journal, "run", refuse)
    assert main(["journal", "verify"]) == Exit.DISK_FAULT
    assert "the system refused: [Errno 5] no" in told(capsys)


@pytest.mark.parametrize(
    "tool", [["journal", "dump", "--commands"], ["events", "read"], ["journal", "verify"]]
)
def test_a_reader_that_has_seen_enough_is_no_error(data: Path, tool: list[str]) -> None:
    """Whether it left before the first line, or standard error is gone as well."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "engine", *tool, f"--data={data}"]
    quiet = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    wrong = [sys.executable, "-m", "engine", "journal", "verify", f"--data={data}/nowhere"]
    gone = subprocess.run(wrong, cwd=ROOT, stdout=write, stderr=write, check=False)
    os.close(write)
    assert gone.returncode == Exit.CONFIG
