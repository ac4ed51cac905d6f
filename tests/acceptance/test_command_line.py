"""The command line as an operator uses it: what it prints, where, and with which exit code it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Client, Node
from engine.cli.parser import main
from tests.acceptance.kit import (
    ROOT,
    VIEW,
    clean_environment,
    one_line,
    open_run,
    railway,
    reserve,
    ringfold,
)

ORDERS = 10
COMMANDS = ("serve", "demo", "status", "query", "view", "dead-letter", "journal", "config")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with one run on sale and ORDERS orders."""
    with railway(tmp_path_factory.mktemp("operator") / "data", snapshot_events=100_000) as node:
        with Client(node.endpoints) as client:
            client.send(open_run(0))
            client.send_many([reserve(0, f"o{k}") for k in range(ORDERS)])
            assert client.send(reserve(0, "last"), wait=f"projected:{VIEW}").ok
        yield node


# ---------------------------------------------------------------- help and configuration


def test_help_names_every_command_and_every_exit_code() -> None:
    shown = ringfold("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in COMMANDS)
    assert "6 locked" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    shown = ringfold(command, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"usage: python run.py {command}" in shown.stdout


def test_config_says_where_each_value_came_from(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('[ringfold]\nring_bytes = "8MiB"\npartitions = 4\nstop_seconds = 3\n')
    shown = ringfold(
        "config", "--config", str(file), "--partitions", "2", "--json",
        env={"RINGFOLD_PARTITIONS": "8", "RINGFOLD_STOP_SECONDS": "7"},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)["data"]
    assert found["partitions"] == {"value": 2, "source": "flag --partitions"}
    assert found["stop_seconds"] == {"value": 7.0, "source": "RINGFOLD_STOP_SECONDS"}
    assert found["ring_bytes"] == {"value": 8 << 20, "source": f"file {file}"}
    assert found["checkpoint_ms"] == {"value": 500, "source": "default"}
    assert "timetable" in found, "the application's own settings too"


def test_the_file_in_the_readme_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text((ROOT / "README.md").read_text().partition("```toml\n")[2].partition("```")[0])
    shown = ringfold("config", "--config", str(file), "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["data"]["partitions"]["source"] == f"file {file}"


def test_config_without_json_is_a_table_of_three_columns() -> None:
    lines = ringfold("config", "--ring-bytes", "8MiB").stdout.splitlines()
    assert ["ring_bytes", "8MiB", "flag", "--ring-bytes"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--partitions", "3"), "power of two"),
        (("--partitions", "many"), "partitions"),
        (("--ring-bytes", "1KiB"), "ring_bytes"),
        (("--endpoint", "tcp://0.0.0.0:7306"), "loopback"),
        (("--timetable", "/nowhere.csv"), "/nowhere.csv"),
        (("--policy", "luck"), "luck"),
        (("--app", "no.such:app"), "no.such"),
        (("--config", "/nowhere.toml"), "/nowhere.toml"),
        (("--set", "ring_byte=1"), "ring_bytes"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    refused = ringfold("serve", "--data", str(tmp_path / "data"), *arguments)
    assert refused.returncode == 2
    assert says in one_line(refused.stderr)
    assert refused.stdout == ""


def test_an_unknown_key_in_the_file_is_named_with_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("[ringfold]\npartition = 2\n")
    refused = ringfold("serve", "--data", str(tmp_path / "data"), "--config", str(file))
    assert refused.returncode == 2
    assert "did you mean partitions" in one_line(refused.stderr)


@pytest.mark.parametrize("arguments", [(), ("dance",), ("demo", "--clients", "0"), ("serve", "--speed", "9")])
def test_what_is_no_command_is_exit_2(arguments: tuple[str, ...]) -> None:
    refused = ringfold(*arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "python run.py" in refused.stderr


# ---------------------------------------------------------------- a running node


def test_status_shows_every_process_at_work(node: Node) -> None:
    shown = ringfold("status", "--data", str(node.data))
    assert (shown.returncode, shown.stderr) == (0, "")
    processes = {line.split()[0]: line.split()[1] for line in shown.stdout.splitlines()[2:]}
    assert processes == dict.fromkeys(
        ("input", "core-0", "output-0", f"projector-{VIEW}", "reader", "snapshotter"), "running"
    )


def test_status_imports_no_more_than_a_question_needs(node: Node) -> None:
    code = "import sys; from engine.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code, "status", "--data", str(node.data)],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    modules = set(shown.stdout.splitlines()[-1].split())
    assert "zmq" in modules
    assert modules & {"asyncio", "lmdb", "multiprocessing", "numpy", "psutil"} == set()


def test_the_data_directory_can_come_from_the_environment(node: Node) -> None:
    shown = ringfold("status", "--json", env={"RINGFOLD_DATA": str(node.data)})
    assert json.loads(shown.stdout)["data"]["processes"]["input"]["pid"] == node.pids["input"]


def test_query_lists_the_views_and_asks_them(node: Node) -> None:
    data = ("--data", str(node.data))
    listed = ringfold("query", *data).stdout
    assert f"{VIEW}  remaining(board: str, alight: str, date: str" in listed
    assert ringfold("query", *data, VIEW).stdout == listed, "of the one view"
    asked = json.loads(ringfold("query", *data, "--json").stdout)["data"][VIEW]["remaining"]["arguments"]
    assert asked[0] == {"name": "board", "type": "str", "required": True}
    totals = json.loads(ringfold("query", *data, VIEW, "totals").stdout)
    assert (totals["runs"], totals["seat_segments_sold"]) == (1, 4 * (ORDERS + 1))
    board = ringfold("query", *data, VIEW, "remaining", "board=S00", "alight=S02", "date=2026-11-23",
                     "--at-least", f"0:{ORDERS + 2}")  # fmt: skip
    (entry,) = json.loads(board.stdout)
    assert (entry["train"], entry["remaining"]) == ("X0", {"O": 50 - ORDERS - 1})


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nothing",), 2, f"there is no such view (view=nothing, known={VIEW})"),
        ((VIEW, "nothing"), 2, f"; `python run.py query {VIEW}` lists what it can be asked"),
        ((VIEW, "remaining", "board=S00"), 2, "missing required field `alight`"),
        ((VIEW, "totals", "--at-least", "soon"), 2, "a position is PARTITION:POSITION, not soon"),
        ((VIEW, "remaining", "board"), 2, "an argument is NAME=VALUE (given=board)"),
        ((VIEW, "totals", "speed=1"), 2, "unknown field `speed`"),
        ((VIEW, "totals", "--at-least", "0:999999", "--timeout", "0.1"), 75, "; try again"),
    ],
)
def test_a_query_that_cannot_be_answered_is_one_line(
    node: Node, arguments: tuple[str, ...], code: int, says: str
) -> None:
    refused = ringfold("query", "--data", str(node.data), *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert says in one_line(refused.stderr)


def test_the_journal_gives_back_every_command(node: Node) -> None:
    shown = ringfold("journal", "dump", "--data", str(node.data), "--commands")
    entries = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [entry["sequence"] for entry in entries] == list(range(1, ORDERS + 3))
    assert [entry["command"]["type"] for entry in entries] == ["run.open"] + ["seats.reserve"] * (ORDERS + 1)
    rest = ringfold("journal", "dump", "--data", str(node.data), "--commands", "--after", str(ORDERS + 1))
    assert [json.loads(line) for line in rest.stdout.splitlines()] == entries[-1:]


def test_a_reader_that_has_seen_enough_is_no_error(node: Node) -> None:
    dump = f"{sys.executable} run.py journal dump --commands --data {node.data}"
    command = f"{dump} | head -1; exit ${{PIPESTATUS[0]}}"
    shown = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_verify_on_a_running_node_says_that_it_runs(node: Node) -> None:
    shown = ringfold("journal", "verify", "--data", str(node.data))
    assert shown.returncode == 0
    assert f"up to sequence {ORDERS + 2} " in shown.stdout
    assert "a node is running here" in one_line(shown.stderr)


# ---------------------------------------------------------------- no node, and a node of its own


@pytest.mark.parametrize("arguments", [("status",), ("query",)])
def test_without_a_node_it_says_so_and_exits_75(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = ringfold(*arguments, "--data", str(tmp_path))
    assert refused.returncode == 75
    line = one_line(refused.stderr)
    assert "no node is running" in line
    assert line.endswith("`python run.py serve` starts one")


@pytest.mark.parametrize("arguments", [("status",), ("query",), ("journal", "verify"), ("journal", "dump")])
def test_a_directory_that_is_not_there_is_exit_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = ringfold(*arguments, "--data", str(tmp_path / "nowhere"))
    assert refused.returncode == 2
    assert "nowhere" in one_line(refused.stderr)


def test_serve_prints_one_line_when_ready_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "run.py", "serve", "--data", str(data)],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serve:
        assert serve.stdout is not None
        ready = serve.stdout.readline()
        serve.send_signal(signal.SIGINT)
        rest, told = serve.communicate(timeout=30)
    assert ready.startswith("ready: railway, 1 partition, ")
    assert str(data) in ready
    assert (serve.returncode, rest) == (0, "")
    assert "Traceback" not in told

    # The directory remembers what it was made with.
    for arguments, says in (
        (("--partitions", "2"), "partitions cannot be changed"),
        (("--policy", "first-fit"), "reference data"),
        (("--app", "examples.stock:app"), "another application"),
    ):
        refused = ringfold("serve", "--data", str(data), *arguments)
        assert refused.returncode == 2
        assert says in one_line(refused.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("events", "read", "--from", "9" * 20), "at most 18 digits"),
        (("events", "read", "--limit", str(1 << 63)), "at most 18 digits"),
        (("events", "tail", "--last", "9" * 20), "at most 18 digits"),
        (("events", "read", "--aggregate", "\udcff"), "no UTF-8 text"),
        (("events", "read", "--type", "\udcff"), "no UTF-8 text"),
        (("events", "export", "."), "needs the name of a file"),
        (("events", "export", "~nobody-at-all/x"), "no such home"),
        (("status", "--data", "~nobody-at-all/x"), "no such home"),
    ],
)
def test_an_argument_at_the_border_is_one_line_and_exit_2(
    node: Node, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    data = () if "--data" in arguments else ("--data", str(node.data))
    assert main([*arguments, *data]) == 2
    assert told in one_line(capfd.readouterr().err)
