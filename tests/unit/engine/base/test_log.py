"""The log: lines that nothing can forge, codes that stay, and a log that cannot be written ends nothing."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Node
from engine.base.errors import Fault
from engine.base.log import KeptLog, LineLog, log_error, output_as_log, printable, rendered
from engine.base.log_codes import Code
from tests.unit.engine.core.test_partition import Deposit

ROOT = Path(__file__).parents[4]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) \S+ [a-z]+\.[a-z-]+ .+")
FORGED = "id\n2026-01-01T00:00:00.000Z error core-0 process.bug you\r\x1b[2K\u2028\u202eare\x85hacked\x00"


def lines_of(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().err.split("\n")[:-1]


def test_a_line_has_time_level_process_code_and_facts(capfd: pytest.CaptureFixture[str]) -> None:
    LineLog("core-0")(Code.CORE_HANDLER_BUG, "the handler failed", command="ab12", times=3, where="a b")
    (line,) = lines_of(capfd)
    assert LINE.fullmatch(line)
    assert line.split(" ", 1)[1] == (
        'warning core-0 core.handler-bug the handler failed (command=ab12, times=3, where="a b")'
    )


def test_the_same_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    trace = "Traceback:\n  here"
    log = LineLog("core-0", "json")
    log(Code.CORE_HANDLER_BUG, "it failed", hint="mend it", trace=trace, times=3, at=Path("x"))
    (line,) = lines_of(capfd)
    told = json.loads(line)
    assert datetime.fromisoformat(told.pop("time")).tzinfo is not None
    assert told == {
        "level": "warning",
        "process": "core-0",
        "code": "core.handler-bug",
        "text": "it failed",
        "facts": {"times": 3, "at": "x"},
        "hint": "mend it",
        "runbook": "docs/runbook/failed.md",
        "trace": trace,
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_text_of_a_client_makes_a_line_of_its_own(
    capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    log = LineLog(FORGED, log_format)
    log(Code.CORE_HANDLER_BUG, FORGED, hint=FORGED, aggregate=FORGED, half="\ud800")
    (line,) = lines_of(capfd)
    assert line.isprintable()
    assert line.splitlines() == [line]
    if log_format == "json":
        assert json.loads(line)["facts"]["aggregate"] == FORGED


def test_facts_that_look_like_others_are_quoted() -> None:
    assert rendered("it", {"aggregate": "a, partition=7"}) == 'it (aggregate="a, partition=7")'
    assert rendered("it", {"aggregate": 'a" b'}) == 'it (aggregate="a\\" b")'
    assert rendered("it", {"aggregate": ""}) == 'it (aggregate="")'


def test_only_a_traceback_has_more_than_one_line_each_indented(capfd: pytest.CaptureFixture[str]) -> None:
    LineLog("core-0")(Code.PROCESS_BUG, "a bug", trace="Traceback:\n  File x\n\x1b[31mValueError: a\rb")
    first, *rest = lines_of(capfd)
    assert LINE.fullmatch(first)
    assert rest == ["    Traceback:", "      File x", "    \\x1b[31mValueError: a", "    b"]


def test_what_people_write_stays_as_it_is() -> None:
    assert printable("余票 für José 🎫") == "余票 für José 🎫"


def test_an_error_keeps_its_facts_and_its_hint_and_names_its_page() -> None:
    log = KeptLog()
    log_error(log, Code.PROCESS_FAILED, Fault("the disk failed", path="/x", hint="look at it"))
    told = "the disk failed (path=/x); look at it; docs/runbook/disk-fault.md"
    assert (log, log.codes) == ([told], [Code.PROCESS_FAILED])


def test_what_is_printed_becomes_lines_of_the_log() -> None:
    log = KeptLog()
    with output_as_log(log) as file:
        print("one\ntwo", file=file)
        print("thr", end="", file=file)
        print("ee", file=file)
        file.buffer.write(b"\xff bytes\n")
        file.buffer.flush()
        print("without an end", end="", file=file)
    assert log == ["one", "two", "three", "\\xff bytes", "without an end"]
    assert set(log.codes) == {Code.APP_OUTPUT}


def test_every_code_is_unique_well_formed_and_used() -> None:
    codes = [code.text for code in Code]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", code) for code in codes)
    assert all(code.meaning.endswith(".") for code in Code)
    source = "".join(
        path.read_text() for path in (ROOT / "engine").rglob("*.py") if path.name != "log_codes.py"
    )
    assert [code.name for code in Code if f"Code.{code.name}" not in source] == []


def test_the_page_of_codes_is_the_table_of_codes() -> None:
    rows = [f"| `{code.text}` | {code.level} | {code.meaning} |" for code in Code]
    page = (ROOT / "docs" / "LOG.md").read_text().splitlines()
    assert [line for line in page if line.startswith("| `") and ". |" in line] == rows


def test_a_node_works_though_its_log_is_on_a_full_disk(tmp_path: Path) -> None:
    app = "tests.unit.engine.base.test_log:create"
    with Node(tmp_path / "data", app=app, log="/dev/full") as node, Client(node.endpoints) as client:
        assert client.send(Deposit("a", amount=5)).ok
        assert node.stop() == 0


def create(settings: object) -> Any:
    from tests.unit.engine.core.test_partition import app

    return app
