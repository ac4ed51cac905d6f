"""The reader's questions, asked as its desk asks them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.follow.questions import Refused
from engine.model.describing import describe
from engine.reading import questions
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores
from engine.store import Types
from tests.unit.engine.cli.sample import create
from tests.unit.engine.reading.test_event_log import added
from tests.unit.engine.reading.writing import storing


class Reader:
    """Two partitions of ten commands each, and questions to them."""

    def __init__(self, data: Path) -> None:
        self.stores = Stores(data)
        self.questions = ReaderQuestions(self.stores, lambda: create({}))

    def ask(self, query: str, **args: Any) -> Any:
        return json.loads(self.questions.answer(query, json.dumps(args).encode()))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with storing(tmp_path / "data", 2) as store:
        for n in range(1, 11):
            store.put((0, "even", added(n)), (1, "odd", added(-n)))
        reader = Reader(tmp_path / "data")
        yield reader
        reader.stores.close()


def test_a_page_says_where_the_next_one_begins(reader: Reader) -> None:
    first = reader.ask("events", limit=3)
    assert [(entry["partition"], entry["position"]) for entry in first["entries"]] == [(0, 1), (1, 1), (0, 2)]
    assert (first["after"], first["more"]) == ([2, 1], True)
    second = reader.ask("events", after=first["after"], limit=100)
    assert len(second["entries"]) == 17
    assert (second["after"], second["more"]) == ([10, 10], False)
    assert reader.questions.positions == [10, 10]


def test_one_partition_is_paged_by_one_number(reader: Reader) -> None:
    page = reader.ask("events", partition=1, after=4, limit=2)
    assert [(entry["partition"], entry["position"]) for entry in page["entries"]] == [(1, 5), (1, 6)]
    assert (page["after"], page["more"]) == (6, True)
    page = reader.ask("events", partition=1, after=[3, 8])
    assert ([entry["position"] for entry in page["entries"]], page["after"]) == ([9, 10], [3, 10])


def test_an_entry_has_the_form_of_the_lines_of_the_command_line(reader: Reader) -> None:
    (entry,) = reader.ask("events", partition=0, after=9)["entries"]
    command = entry.pop("command")
    assert len(command) == 32
    assert entry == {
        "partition": 0,
        "position": 10,
        "aggregate": "even",
        "version": 10,
        "sequence": 19,
        "time_ns": 1019,
        "events": [{"type": "sample.added", "number": 10}],
    }


def test_an_aggregate_is_read_version_by_version(reader: Reader, tmp_path: Path) -> None:
    home = next(p for p in range(2) if reader.ask("aggregate", aggregate=["even", "odd"][p])["entries"])
    name = ["even", "odd"][home]
    page = reader.ask("aggregate", aggregate=name, limit=4)
    assert [entry["version"] for entry in page["entries"]] == [1, 2, 3, 4]
    assert (page["after_version"], page["more"]) == (4, True)
    page = reader.ask("aggregate", aggregate=name, after_version=4)
    assert [entry["version"] for entry in page["entries"]] == [5, 6, 7, 8, 9, 10]
    assert (page["after_version"], page["more"]) == (10, False)
    assert reader.ask("aggregate", aggregate="nothing", after_version=7) == {
        "entries": [],
        "after_version": 7,
        "more": False,
    }


def test_a_page_of_an_aggregate_ends_when_enough_was_looked_through(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_SCANNED", 1)
    name = next(one for one in ("even", "odd") if reader.ask("aggregate", aggregate=one)["entries"])
    version, pages = 0, 0
    while (page := reader.ask("aggregate", aggregate=name, after_version=version))["more"]:
        (entry,) = page["entries"]
        assert entry["version"] == page["after_version"] == version + 1
        version, pages = version + 1, pages + 1
    assert pages == 9


def test_however_many_types_are_wanted_a_record_is_searched_a_few_times(reader: Reader) -> None:
    many = [*(f"sample.other-{n}" for n in range(1_000)), "sample.added"]
    assert len(reader.ask("events", types=many)["entries"]) == 20
    assert reader.ask("events", types=many[:-1])["entries"] == []
    assert Types(many).may_be_in(b"nothing of them, which only taking it apart would show")


def test_the_application_is_described(reader: Reader) -> None:
    assert reader.ask("describe") == json.loads(json.dumps(describe(create({}))))
    assert reader.ask("describe")["application"] == "sample"


@pytest.mark.parametrize(
    ("query", "args", "code"),
    [
        ("evnets", {}, "unknown-query"),
        ("events", {"limit": 0}, "malformed"),
        ("events", {"limit": 10_001}, "malformed"),
        ("events", {"after": 3}, "malformed"),
        ("events", {"after": [1, 2, 3]}, "malformed"),
        ("events", {"after": [-1, 2]}, "malformed"),
        ("events", {"after": [2**63, 2]}, "malformed"),
        ("events", {"after": 2**64 - 1, "partition": 0}, "malformed"),
        ("events", {"partition": 2**63}, "malformed"),
        ("aggregate", {"aggregate": "a", "after_version": 2**63}, "malformed"),
        ("aggregate", {"aggregate": "a", "after_version": 2**64 - 1}, "malformed"),
        ("events", {"partition": 2}, "malformed"),
        ("events", {"types": []}, "malformed"),
        ("events", {"typos": ["a"]}, "malformed"),
        ("aggregate", {}, "malformed"),
    ],
)
def test_what_makes_no_sense_is_refused(reader: Reader, query: str, args: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        reader.ask(query, **args)
    assert refused.value.code == code


def test_a_damaged_record_fails_the_question_and_not_the_reader(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reader.stores.reader(0)
    assert store is not None
    monkeypatch.setattr(store, "records", lambda after: iter([(10, b"[1, nonsense")]))
    with pytest.raises(Refused) as refused:
        reader.ask("events")
    assert refused.value.code == "query-failed"
    assert reader.ask("positions") is None


@pytest.mark.parametrize("hostile", [b'{"aggregate":"\xff"}', b'{"x":' + b"[" * 9_999 + b"]" * 9_999 + b"}"])
def test_arguments_that_do_not_decode_are_malformed(reader: Reader, hostile: bytes) -> None:
    with pytest.raises(Refused) as refused:
        reader.questions.answer("aggregate", hostile)
    assert refused.value.code == "malformed"
