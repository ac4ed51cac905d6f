"""What an operator looks at when something may be wrong: health, top, doctor."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Client, Node
from examples.notes.messages import CreateNote
from tests.acceptance.kit import ROOT, clean_environment, gone, ringfold
from tests.deadline import until

NOTES = 20
SECRET = "hunter2"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with a few notes, whose log has a secret in it."""
    folder = tmp_path_factory.mktemp("operating")
    with Node(folder / "data", app="examples.notes:app", log=folder / "data.log") as node:
        with Client(node.endpoints) as client:
            client.send_many([CreateNote(f"note-{k}", title="x") for k in range(NOTES)])
        with (folder / "data.log").open("a") as log:
            log.write(f"connecting with password={SECRET}\n")
        yield node


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory on which no node runs any more."""
    folder = tmp_path_factory.mktemp("stopped")
    node = Node(folder / "data", app="examples.notes:app", log=folder / "data.log")
    with node, Client(folder / "data") as client:
        client.send_many([CreateNote(f"note-{k}", title="x") for k in range(NOTES)])
    return folder / "data"


# ---------------------------------------------------------------- health


def test_a_node_at_work_is_well(node: Node) -> None:
    shown = ringfold("health", "--data", str(node.data), "--disk-warning=1", "--disk-critical=1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("OK: 6 processes at work")


def test_a_threshold_is_named_in_one_line(node: Node) -> None:
    shown = ringfold("health", "--data", str(node.data), "--disk-warning=9000TiB")
    assert shown.returncode == 1
    assert shown.stdout.startswith("WARNING: the disk has ")
    assert ringfold("health", "--data", str(node.data), "--disk-critical=9000TiB").returncode == 2


@pytest.mark.parametrize("place", ["", "/nowhere"])
def test_no_node_is_critical(stopped: Path, place: str) -> None:
    shown = ringfold("health", f"--data={stopped}{place}", "--json")
    assert (shown.returncode, shown.stderr) == (2, "")
    data = json.loads(shown.stdout)["data"]
    assert (data["level"], data["reasons"][0]["code"]) == ("critical", "no-node")


# ---------------------------------------------------------------- how long it takes


@pytest.mark.parametrize(
    ("arguments", "most_s"), [(["--help"], 0.15), (["status"], 0.25)], ids=["help", "status"]
)
def test_what_is_typed_often_takes_little(node: Node, arguments: list[str], most_s: float) -> None:
    """Processor time, the least of a few runs, since other programs share the caches."""

    def used_s() -> float:
        return sum(os.times()[2:4])

    def run_s() -> float:
        before = used_s()
        subprocess.run(
            [sys.executable, "-m", "engine", *arguments],
            cwd=ROOT,
            env=clean_environment() | {"RINGFOLD_DATA": str(node.data)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return used_s() - before

    assert min(run_s() for _ in range(6)) <= most_s


# ---------------------------------------------------------------- top


def test_piped_it_is_one_look_as_text(node: Node) -> None:
    shown = ringfold("top", "--data", str(node.data), "--every", "0.1")
    assert (shown.returncode, shown.stderr) == (0, "")
    head, headings, *rows = shown.stdout.splitlines()
    assert head.startswith(f"node notes, pid {node.pid}: ")
    assert "committed in " in head
    assert headings.split()[:3] == ["process", "state", "pid"]
    assert [row.split()[:2] for row in rows[:6]] == [[name, "running"] for name in node.pids]
    assert rows[6] == "busy: none"
    assert "\x1b" not in shown.stdout


def test_for_programs_it_is_a_line_a_look(node: Node) -> None:
    shown = ringfold("top", "--data", str(node.data), "--every", "0.1", "--count", "3", "--json")
    looks = [json.loads(line)["data"] for line in shown.stdout.splitlines()]
    assert len(looks) == 3
    assert set(looks[0]["processes"]) == set(node.pids)
    assert looks[0]["rings"]["inbox-0"]["capacity"] == 16 << 20
    assert looks[0]["busy"]["disk"] == {"total": 0, "new": 0}


def on_terminal(*arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """(exit code, what is drawn) of a command whose standard output is a terminal."""
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env=clean_environment() | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"} | env,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            drawn += piece
        code = process.wait(30)
    os.close(terminal)
    return code, drawn.decode()


@pytest.mark.smoke
def test_on_a_terminal_it_draws(node: Node) -> None:
    pytest.importorskip("rich")
    code, drawn = on_terminal("top", f"--data={node.data}", "--count=2", "--every=0.1", env={})
    assert code == 0
    assert "\x1b[?1049h" in drawn, "on a screen of its own"
    assert "projector-notes" in drawn


def test_without_colours_it_is_text_on_a_terminal_too(node: Node) -> None:
    code, drawn = on_terminal("top", f"--data={node.data}", "--count=1", "--every=0.1", env={"NO_COLOR": "1"})
    assert (code, "\x1b" in drawn) == (0, False)
    assert "projector-notes" in drawn


def test_a_narrow_terminal_goes_without_what_matters_least(node: Node) -> None:
    pytest.importorskip("rich")
    code, drawn = on_terminal("top", f"--data={node.data}", "--count=1", "--every=0.1", env={"COLUMNS": "60"})
    assert code == 0
    assert all(heading in drawn for heading in ("lag_s", "cpu"))
    assert " pid " not in drawn.partition("process")[2], "the column; below it senders are named by theirs"


def test_what_is_wrong_stands_below_the_table(node: Node) -> None:
    os.kill(node.pids["projector-notes"], signal.SIGSTOP)
    try:
        shown = ringfold("top", "--data", str(node.data), "--every", "0.1").stdout
        assert shown.splitlines()[-1] == "WARNING: view notes does not answer (docs/runbook/behind.md)"
    finally:
        os.kill(node.pids["projector-notes"], signal.SIGCONT)


def test_an_aggregate_is_made_by_the_application_of_the_node(node: Node) -> None:
    shown = ringfold("aggregate", "show", "note-1", "--data", str(node.data))
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["aggregate"] == "note-1"


# ---------------------------------------------------------------- doctor


def test_the_text_about_a_running_node_has_everything_but_secrets(node: Node) -> None:
    shown = ringfold("doctor", "--data", str(node.data), "--app", "examples.notes:app")
    assert (shown.returncode, shown.stderr) == (0, "")
    text = shown.stdout
    parts = ("findings", "versions", "machine", "directory", "settings", "node", "followers", "log")
    assert [line[3:] for line in text.splitlines() if line.startswith("== ")] == list(parts)
    assert "cannot be told" not in text
    assert "a node runs on it" in text
    assert "nothing is wrong that is known of" in text
    assert "projector-notes  running" in text
    assert "dead letters: 0" in text
    assert "disk_reserve_bytes" not in text
    assert " more have their defaults: --all-settings prints them" in text
    whole = ringfold("doctor", "--data", str(node.data), "--all-settings", "--lines=0").stdout
    assert "disk_reserve_bytes" in whole
    assert "256.0 MiB" in whole
    assert "node.ready" in text
    assert SECRET not in text
    assert "password=***" in text
    assert node.data.joinpath("manifest.json").read_text().partition('"index_key": "')[2][:64] not in text


def test_a_stopped_directory_is_told_of_from_its_files(stopped: Path) -> None:
    shown = ringfold("doctor", f"--data={stopped}", "--json")
    assert shown.returncode == 0, shown.stderr
    data = json.loads(shown.stdout)["data"]
    assert not data["directory"]["running"]
    assert data["stopped"]["partitions"]["0"]["position"] == NOTES
    assert data["stopped"]["followers"] == {"views/notes-v1": {"positions": [NOTES]}}
    assert data["settings"]["data"] == {"value": str(stopped), "source": "flag --data"}
    assert data["log"]["lines"][-1].endswith("(signal=SIGTERM)")


def test_what_is_broken_is_told_of_and_the_rest_too(tmp_path: Path, stopped: Path) -> None:
    subprocess.run(["cp", "-r", str(stopped), str(tmp_path / "data")], check=True)
    with (tmp_path / "data" / "store-0000" / "data.mdb").open("r+b") as file:
        file.truncate(3 * 4096)
    shown = ringfold("doctor", f"--data={tmp_path / 'data'}", "--app=no.such:app", "--json")
    assert shown.returncode == 0, shown.stderr
    data = json.loads(shown.stdout)["data"]
    assert "no.such" in data["settings"]["problem"]
    assert "the file was cut" in data["stopped"]["partitions"]["0"]["problem"]
    assert data["stopped"]["followers"] == {"views/notes-v1": {"positions": [NOTES]}}


@pytest.mark.smoke
def test_a_process_that_died_is_seen_in_each_of_them(tmp_path: Path) -> None:
    with Node(tmp_path / "data", app="examples.notes:app", log=tmp_path / "data.log") as node:
        before = node.pids["projector-notes"]
        os.kill(before, signal.SIGKILL)
        until(lambda: gone(before) and node.pids["projector-notes"] != before and node.at_work(), 20)
        place = f"--data={node.data}"
        assert ringfold("health", place, "--restarts-warning=1").returncode == 1
        look = json.loads(ringfold("top", place, "--every=0.1", "--json").stdout)["data"]
        assert look["processes"]["projector-notes"]["restarts"] == 1
        told = ringfold("doctor", place).stdout
        assert "NOTE: projector-notes was started again once (docs/runbook/restarts.md)" in told
        assert "projector-notes was killed by SIGKILL" in told


@pytest.mark.smoke
def test_a_view_that_does_not_answer_is_known_to_be_behind(tmp_path: Path) -> None:
    with Node(tmp_path / "data", app="examples.notes:app", log=tmp_path / "data.log") as node:
        place, view = f"--data={node.data}", node.pids["projector-notes"]
        os.kill(view, signal.SIGSTOP)
        try:
            with Client(node.endpoints) as client:
                client.send_many([CreateNote(f"note-{k}", title="x") for k in range(NOTES)])
            health = ringfold("health", place, "--lag-critical=0.001")
            assert health.returncode == 2
            assert f"view notes does not answer; {NOTES} events, " in health.stdout
            row = json.loads(ringfold("status", place, "--json").stdout)["data"]["processes"][
                "projector-notes"
            ]
            assert row["lag"] == NOTES
            assert row["lag_s"] > 0
        finally:
            os.kill(view, signal.SIGCONT)


@pytest.mark.smoke
def test_each_of_them_names_the_cause_of_commands_that_are_turned_away(tmp_path: Path) -> None:
    full = {"disk_reserve_bytes": "16TiB"}
    with Node(tmp_path / "data", app="examples.notes:app", settings=full, log=tmp_path / "data.log") as node:
        with Client(node.endpoints) as client:
            assert client.send(CreateNote("note-1", title="x"), timeout_s=0.2).outcome == "busy"
        place = f"--data={node.data}"
        health = ringfold("health", place)
        assert health.returncode == 2
        assert health.stdout.startswith("CRITICAL: the disk has ")
        assert ", less than disk_reserve_bytes 16.0 TiB" in health.stdout
        look = json.loads(ringfold("top", place, "--every=0.1", "--json").stdout)["data"]
        assert look["busy"]["disk"]["total"] > 0
        found = ringfold("doctor", place).stdout.splitlines()
        assert any(line.startswith("CRITICAL: the disk has ") for line in found)
        assert any(
            "answered busy, disk: the disk is nearly full (docs/runbook/no-room.md)" in line for line in found
        )
