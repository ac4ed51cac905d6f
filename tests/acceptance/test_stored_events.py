"""What is stored, from outside: read, followed and exported, shown as state, and checked against new code.

One data directory, written by one layout of an application and used by another.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Client, EventLog, Node, Subscriber
from engine.base.errors import Fault
from tests.acceptance.kit import ROOT, SMALL, clean_environment, one_line, ringfold
from tests.acceptance.layouts import after, before
from tests.acceptance.layouts.after.facts import Told

BEFORE, AFTER = "tests.acceptance.layouts.before:create", "tests.acceptance.layouts.after"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three notes over two partitions, one of them renamed twice, stored by the old layout."""
    data = tmp_path_factory.mktemp("stored") / "data"
    log = data.with_suffix(".log")
    with (
        Node(data, app=BEFORE, settings=SMALL | {"partitions": 2}, log=log) as node,
        Client(node.endpoints) as client,
    ):
        for name, title in (("a", "one"), ("b", "two words"), ("c", "and three words")):
            assert client.send(before.CreateNote(name, title=title)).ok
        for title in ("four more words now", "five"):
            assert client.send(before.ChangeTitle("a", title=title)).ok
    return data


def lines(*arguments: str) -> list[dict[str, Any]]:
    done = ringfold("events", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(text) for text in done.stdout.splitlines()]


def places(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(entry["aggregate"], entry["version"]) for entry in found]


ALL = [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("a", 3)]
TITLES = "note.title-changed"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), ALL),
        (("--backward",), ALL[::-1]),
        (("--backward", "--limit", "2"), ALL[:2:-1]),
        (("--limit", "0"), []),
        (("--aggregate", "a"), [("a", 1), ("a", 2), ("a", 3)]),
        (("--aggregate", "a", "--from", "2"), [("a", 2), ("a", 3)]),
        (("--aggregate", "a", "--from", "2", "--backward"), [("a", 2), ("a", 1)]),
        (("--aggregate", "a", "--type", TITLES, "--backward"), [("a", 3), ("a", 2)]),
        (("--aggregate", "nobody"), []),
        (("--type", TITLES), [("a", 2), ("a", 3)]),
        (("--type", "note.told", "--type", TITLES), ALL),
        (("--type", "note"), []),
    ],
    ids=lambda value: " ".join(map(str, value)) or "all" if isinstance(value, tuple) else "",
)
def test_events_read_prints_what_was_chosen(
    data: Path, arguments: tuple[str, ...], found: list[tuple[str, int]]
) -> None:
    assert places(lines("read", "--data", str(data), *arguments)) == found


def test_a_line_has_all_that_is_stored_and_positions_are_dense(data: Path) -> None:
    found = lines("read", "--data", str(data))
    for partition in range(2):
        positions = [entry["position"] for entry in found if entry["partition"] == partition]
        assert positions == list(range(1, len(positions) + 1))
        chosen = lines("read", "--data", str(data), "--partition", str(partition), "--from", "2")
        assert chosen == [e for e in found if e["partition"] == partition and e["position"] >= 2]
    assert set(found[0]) == {
        *("partition", "position", "aggregate", "version", "command", "sequence", "time_ns", "events"),
    }
    assert found[0]["events"] == [
        {"type": "note.created", "title": "one"},
        {"type": "note.told", "words": "new: one"},
    ]


def test_export_writes_the_same_lines_and_says_how_many(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    done = ringfold("events", "export", "--data", str(data), str(target))
    assert (done.returncode, done.stdout) == (0, "")
    assert "5 entries" in one_line(done.stderr)
    out = ringfold("events", "export", "--data", str(data), "-").stdout
    assert target.read_text() == out
    assert [json.loads(text) for text in out.splitlines()] == lines("read", "--data", str(data))
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_an_export_that_cannot_be_written_leaves_what_was_there(data: Path, tmp_path: Path) -> None:
    done = ringfold("events", "export", "--data", str(data), str(tmp_path / "no" / "events.jsonl"))
    assert done.returncode == 3
    assert "cannot be written" in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--partition", "2"), "no such partition"),
        (("--data", "/nowhere"), "no data directory"),
    ],
)
def test_what_cannot_be_read_is_one_line(data: Path, arguments: tuple[str, ...], words: str) -> None:
    done = ringfold("events", "read", "--data", str(data), *arguments)
    assert done.returncode == 2
    assert words in one_line(done.stderr)


def show(data: Path, app: str, *arguments: str) -> Any:
    done = ringfold("aggregate", "show", "--data", str(data), "--app", app, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_aggregate_is_shown_as_it_is_and_as_it_was_by_either_layout(data: Path) -> None:
    assert show(data, BEFORE, "a")["state"] == {"title": "five"}
    assert show(data, BEFORE, "a", "--at-version", "2")["state"] == {"title": "four more words now"}
    found = show(data, f"{AFTER}:create", "a", "--at-version", "1")
    assert (found["kind"], found["version"]) == ("Page", 1)
    assert found["state"] == {"headline": "one", "words": 1}


def test_an_aggregate_or_version_that_is_not_there_is_said(data: Path) -> None:
    for arguments, said in (
        (("nobody",), "there is no such aggregate in the event store (aggregate=nobody)"),
        (("a", "--at-version", "9"), "the aggregate has no such version (aggregate=a, wanted=9, last="),
    ):
        done = ringfold("aggregate", "show", "--data", str(data), "--app", BEFORE, *arguments)
        assert done.returncode == 2
        assert said in one_line(done.stderr)


def check(data: Path, function: str) -> tuple[int, dict[str, Any]]:
    done = ringfold("check", "--json", "--data", str(data), "--app", f"{AFTER}:{function}")
    return done.returncode, json.loads(done.stdout)["data"]


def test_check_finds_nothing_wrong_with_code_that_can_read_everything(data: Path) -> None:
    code, found = check(data, "create")
    assert (code, found["sound"], found["entries"]) == (0, True, 5)
    assert {kind["tag"]: (kind["verdict"], kind["count"]) for kind in found["events"]} == {
        "note.created": ("lifted to note.created@3", 3),
        "note.told": ("lifted to note.told@2", 3),
        TITLES: ("current", 2),
    }


def test_check_names_a_chain_that_ends_on_the_way_with_place_and_count(data: Path) -> None:
    code, found = check(data, "with_a_broken_chain")
    assert (code, found["sound"]) == (4, False)
    assert "ends at version 2" in found["application"]
    (bad,) = (kind for kind in found["events"] if kind["problem"])
    assert (bad["tag"], bad["verdict"], bad["count"], bad["bad"]) == ("note.created", "broken chain", 3, 3)
    assert bad["position"] == 1
    assert "end at note.created@2" in bad["problem"]


def test_check_names_old_events_without_an_upcaster(data: Path) -> None:
    code, found = check(data, "without_an_upcaster")
    assert code == 4
    assert found["application"] == ""  # nothing is wrong with it until it meets this data
    bad = {kind["tag"]: kind["problem"] for kind in found["events"] if kind["problem"]}
    assert set(bad) == {"note.created", "note.told"}
    assert "the application has note.created@3" in bad["note.created"]


def test_check_names_unknown_events_for_people_too(data: Path) -> None:
    done = ringfold("check", "--data", str(data), "--app", f"{AFTER}:of_another_mind")
    assert done.returncode == 4
    assert "cannot work on this data directory" in one_line(done.stderr)
    assert sum("no aggregate applies it" in text for text in done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("of_another_mind", "does not know an event in the store (event=note.created, aggregate="),
        ("without_an_upcaster", "does not know an event in the store (event=note.created, aggregate="),
        ("with_a_broken_chain", "ends at version 2"),
    ],
)
def test_a_start_with_code_that_cannot_read_the_store_ends_with_one_clear_line(
    data: Path, function: str, words: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with pytest.raises(Fault, match="exit_code=2"):
        Node(data, app=f"{AFTER}:{function}", settings=SMALL, log=log).start()
    assert words in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture
def tail(data: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "run.py", "events", "tail", "--data", str(data), "--last", "2"],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def test_data_written_by_one_layout_is_used_by_another_while_others_follow(
    data: Path, tail: "subprocess.Popen[str]"
) -> None:
    """The last test of this file: it adds to the data."""
    assert tail.stdout is not None
    assert [json.loads(tail.stdout.readline())["version"] for _ in range(2)] == [2, 3]
    app = after.create({})
    node = Node(data, app=f"{AFTER}:create", settings=SMALL, log=data.with_suffix(".log"))
    with node, Client(node.endpoints) as client, EventLog(data, app) as log:
        assert client.query("length", "words") == 6
        receipt = client.send(after.page.Rename("b", title="by the new layout"))
        assert (receipt.outcome, receipt.version) == ("committed", 2)
        assert json.loads(tail.stdout.readline())["events"][0]["title"] == "by the new layout"
        again = client.send(after.page.Open("b", title="again"))
        assert again.code == "already-exists"
        client.send(after.page.Open("d", title="mine"))
        assert [entry.commit.version for entry in log.aggregate("b")] == [1, 2]
        with Subscriber(data, "mail", [Told], app=app) as subscriber:
            found = subscriber.take(5)
        assert sorted(message.event.text for message in found) == [
            *("mine", "new: and three words", "new: one", "new: two words"),
        ]
    tail.send_signal(signal.SIGINT)
    tail.stdout.read()
    assert tail.wait(10) == 130
    assert os.path.exists(data / "subscribers" / "mail.json")
