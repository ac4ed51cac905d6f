"""`restore`: a copy becomes a data directory again, or the folder stays empty and one line says why."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import ConfigError, Vault
from engine.base.errors import Exit
from engine.base.lock import try_lock
from engine.cli import main
from engine.node.data_directory import DataDirectory
from engine.testing import InlineEngine
from engine.vault.copies import read_list
from tests.acceptance.people import CheckIn, Guests, app

NAMES = ("Ada", "Grace", "Mary")


def tokens_of(engine: InlineEngine) -> list[str]:
    return [engine.query(Vault.put, identity=name, record={"name": name}) for name in NAMES]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a directory with three people, one of whom was forgotten before."""
    with InlineEngine(app, tmp_path / "first") as engine:
        tokens = tokens_of(engine)
        for token in tokens:
            engine.send(CheckIn("house-1", guest=token))
        assert engine.query(Vault.forget, token=tokens[0])
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def newer(copy: Path) -> Path:
    """The list of who was forgotten, after a second one was, since the copy was made."""
    with InlineEngine(app, copy.with_name("first")) as engine:
        assert engine.query(Vault.forget, token=tokens_of(engine)[1])
    return copy.with_name("first") / "workers/vault/people/forgotten"


def restore(copy: Path, *more: str) -> int:
    return main(["restore", str(copy), f"--data={copy.with_name('new')}", *more])


def test_what_was_restored_answers_as_before_and_knows_nothing_of_who_was_forgotten(
    copy: Path, newer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(copy, "--forgotten", str(newer)) == Exit.OK
    assert capsys.readouterr().out.startswith("restored 3 events, commands up to sequence 3, ")
    new = copy.with_name("new")
    whole = b"".join(path.read_bytes() for path in new.rglob("*") if path.is_file())
    assert [name.encode() in whole for name in NAMES] == [False, False, True]
    with InlineEngine(app, new) as engine:
        assert engine.query(Vault.find, identity="Grace") == ""
        assert len(engine.query(Vault.forgotten)) == 2, "the next copy has the whole list"
        token = engine.query(Vault.find, identity="Mary")
        assert engine.query(Vault.get, token=token) == {"name": "Mary"}
        assert token in engine.query(Guests.of, house="house-1")
        assert engine.send(CheckIn("house-1", guest=token)).outcome == "unchanged"
    assert DataDirectory(new).manifest == DataDirectory(copy).manifest


def test_a_list_may_be_tokens_in_lines_and_the_answer_json(
    copy: Path, newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "tokens"
    plain.write_text("\n".join(read_list(newer)))
    assert restore(copy, f"--forgotten={plain}", "--json") == Exit.OK
    data = json.loads(capsys.readouterr().out)["data"]
    assert (data["events"], data["sequence"], data["forgotten"]) == (3, 3, 1)


def test_what_belonged_to_the_node_before_is_left_out(copy: Path) -> None:
    for name in ("lock", "endpoints.json", "failed/projector-guests.json", "snapshots/take"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("1")
    (copy / "workers/vault/take").write_text("its own")
    assert restore(copy, "--none-forgotten") == Exit.OK
    new = copy.with_name("new")
    assert (new / "workers/vault/take").read_text() == "its own"
    there = {str(path.relative_to(new)) for path in new.rglob("*")}
    assert not there & {"endpoints.json", "failed", "snapshots/take"}


def full(copy: Path) -> list[str]:
    copy.with_name("new").mkdir()
    (copy.with_name("new") / "mine").write_text("x")
    return ["--none-forgotten"]


def unsaid(copy: Path) -> list[str]:
    return []


def not_a_copy(copy: Path) -> list[str]:
    (copy / "manifest.json").unlink()
    return ["--none-forgotten"]


def linked(copy: Path) -> list[str]:
    (copy / "journal").rename(copy.with_name("elsewhere"))
    (copy / "journal").symlink_to(copy.with_name("elsewhere"))
    return ["--none-forgotten"]


def into_itself(copy: Path) -> list[str]:
    return ["--none-forgotten", f"--data={copy / 'new'}"]


def without_a_list(copy: Path) -> list[str]:
    return [f"--forgotten={copy / 'nothing'}"]


def with_another_list(copy: Path) -> list[str]:
    return [f"--forgotten={copy / 'manifest.json'}"]


@pytest.mark.parametrize(
    ("prepare", "text"),
    [
        (full, "a copy is restored into an empty folder"),
        (unsaid, "there are people in this copy"),
        (not_a_copy, "not a data directory"),
        (linked, "neither a file nor a folder"),
        (into_itself, "a copy cannot be restored into itself"),
        (without_a_list, "the list of who was forgotten cannot be read"),
        (with_another_list, "the list of who was forgotten has something else in it"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    copy: Path, prepare: Callable[[Path], list[str]], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(copy, *prepare(copy)) == Exit.CONFIG
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ringfold: {text}")
    assert prepare is full or not copy.with_name("new").exists()


def test_a_directory_on_which_a_node_runs_is_not_a_copy(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = try_lock(copy / "lock")
    assert lock is not None
    try:
        assert restore(copy, "--none-forgotten") == Exit.CONFIG
    finally:
        os.close(lock)
    assert "a node runs here" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["store-0000/data.mdb", "workers/vault/people/forgotten"])
def test_a_copy_that_is_damaged_is_refused_and_leaves_nothing(
    copy: Path, newer: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: len(content) // 2])
    assert restore(copy, f"--forgotten={newer}") == Exit.CORRUPT
    (line,) = capsys.readouterr().err.splitlines()
    assert "damaged" in line
    assert [path.name for path in copy.with_name("new").iterdir()] == ["lock"]


def test_a_journal_that_lost_commands_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copy / "journal")
    assert restore(copy, "--none-forgotten") == Exit.CORRUPT
    assert "acknowledged commands are gone" in capsys.readouterr().err


def test_a_damaged_view_is_a_remark_for_a_start_makes_it_again(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (view,) = copy.glob("views/*/data.mdb")
    view.write_bytes(view.read_bytes()[:8192])
    assert restore(copy, "--none-forgotten") == Exit.OK
    assert "a view is damaged, and a start makes it again" in capsys.readouterr().err


def test_a_list_that_was_cut_is_not_taken_for_a_shorter_one(newer: Path) -> None:
    newer.write_bytes(newer.read_bytes()[40:])
    with pytest.raises(ConfigError):
        read_list(newer.with_name("none"))
    with pytest.raises(Exception, match="the list of who was forgotten is damaged"):
        read_list(newer)


def test_tokens_for_the_gateway_come_back_with_a_remark(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(copy, "--none-forgotten") == Exit.OK
    assert capsys.readouterr().err == ""
    shutil.rmtree(copy.with_name("new"))
    DataDirectory(copy).tokens.write_text("{}")
    assert restore(copy, "--none-forgotten") == Exit.OK
    assert "revoked since are valid again" in capsys.readouterr().err
