"""What a running node counts, read from outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Client, Node, __version__
from engine.reading.metrics import FAMILIES, HISTOGRAM, Distribution, Metrics, Sample
from examples.stock import Take
from tests.deadline import until

APP = "examples.stock:app"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder: Path = tmp_path_factory.mktemp("metrics")
    settings = {"partitions": 2, "max_commands_per_message": 10}
    with Node(folder / "data", app=APP, settings=settings, log=folder / "log") as running:
        yield running


def samples(node: Node) -> list[Sample]:
    with Metrics(node.endpoints, __version__) as metrics:
        return list(metrics.samples())


def value(node: Node, name: str, *labels: str) -> float:
    (found,) = [one.value for one in samples(node) if (one.name, one.labels) == (name, labels)]
    return found.values if isinstance(found, Distribution) else found


def test_each_command_is_counted_where_it_ends(node: Node) -> None:
    before = {outcome: value(node, "ringfold_commands", outcome) for outcome in ("committed", "rejected")}
    with Client(node.endpoints) as client:
        taken = Take("a", count=1)
        assert client.send(taken).outcome == "committed"
        assert client.send(taken).outcome == "committed"
        assert client.send(Take("b", count=1_000)).outcome == "rejected"
        until(lambda: value(node, "ringfold_commands", "duplicate") == 1)
        until(lambda: value(node, "ringfold_applied_commits", "projector-shelf") >= 1)
    assert value(node, "ringfold_commands", "committed") == before["committed"] + 1
    assert value(node, "ringfold_commands", "rejected") == before["rejected"] + 1
    assert value(node, "ringfold_command_seconds", "accepted") >= 3
    assert value(node, "ringfold_command_seconds", "committed") >= 3
    assert value(node, "ringfold_fsync_seconds", "journal") >= 3
    assert value(node, "ringfold_applied_seconds", "projector-shelf") >= 1
    until(lambda: value(node, "ringfold_view_lag_events", "shelf") == 0)


def test_every_metric_is_one_of_the_table_and_all_of_one_name_follow_each_other(node: Node) -> None:
    found = samples(node)
    names = list(dict.fromkeys(one.name for one in found))
    assert names == sorted(names, key=list(FAMILIES).index)
    for one in found:
        family = FAMILIES[one.name]
        assert len(one.labels) == len(family.labels)
        assert isinstance(one.value, Distribution) == (family.kind == HISTOGRAM)
    assert [one.name for one in found] == [name for name in names for one in found if one.name == name]


def test_a_histogram_counts_up_to_all_of_its_values(node: Node) -> None:
    for one in samples(node):
        if isinstance(one.value, Distribution):
            counts = [count for _, count in one.value.buckets]
            assert counts == sorted(counts)
            assert one.value.buckets == sorted(one.value.buckets)
            assert counts[-1] <= one.value.values


def test_processes_are_up_and_stay_counted_when_one_is_started_again(node: Node) -> None:
    names = [one.labels[0] for one in samples(node) if one.name == "ringfold_process_up"]
    assert {"input", "core-0", "core-1", "output-1", "projector-shelf", "reader"} <= set(names)
    until(lambda: all(value(node, "ringfold_process_up", name) for name in names))
    assert value(node, "ringfold_process_memory_bytes", "core-0") > 1 << 20
