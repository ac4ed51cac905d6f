"""Meters: what each process counts, where every other one can read it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import Fault
from engine.node.meters import BUCKETS, LINE, METERS, MeterPage, bucket_of, upper_bound
from engine.node.roles import INPUT, READER, Kind, Role
from engine.wire.busy import TEXTS, BusyReason

ROLES = [INPUT, Role(Kind.CORE, 0), Role(Kind.OUTPUT, 0), Role(Kind.PROJECTOR, subject="notes"), READER]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    MeterPage.create(tmp_path / "meters", ROLES)
    return tmp_path / "meters"


@given(st.integers(0, 60_000_000))
def test_a_value_is_known_to_an_eighth(value: int) -> None:
    bound = upper_bound(bucket_of(value))
    assert value <= bound <= value + value / 4


def test_buckets_follow_each_other_without_a_gap() -> None:
    for bucket in range(BUCKETS - 1):
        assert bucket_of(upper_bound(bucket)) == bucket
        assert bucket_of(upper_bound(bucket) + 1) == bucket + 1


def test_what_is_beyond_the_last_bucket_counts_in_it() -> None:
    assert bucket_of(10**12) == BUCKETS - 1
    assert upper_bound(BUCKETS - 1) > 60_000_000


@pytest.mark.parametrize("kind", METERS)
def test_the_meters_of_every_kind_of_process_fit_into_a_line(kind: Kind) -> None:
    assert 8 * sum(meter.words for meter in METERS[kind]) <= LINE


def test_every_reason_to_be_busy_has_a_text_and_a_meter(path: Path) -> None:
    assert set(TEXTS) == set(BusyReason)
    with MeterPage.attach(path, ROLES) as page:
        assert [label for label, _ in page.lines["input"].counters_of("busy")] == list(BusyReason)


def test_what_one_process_counts_another_one_reads(path: Path) -> None:
    with MeterPage.attach(path, ROLES) as writer, MeterPage.attach(path, ROLES) as reader:
        line = writer.lines["output-0"]
        line.histograms["committed"].record(1_000, 3)
        line.histograms["committed"].record(9, 1)
        writer.lines["core-0"].counter("outcomes", "committed").add(4)
        writer.lines["input"].counter("connections").set(7)
        found = reader.lines["output-0"].histograms["committed"]
        assert (found.count, found.sum, sum(found.buckets)) == (4, 3_009, 4)
        assert found.quantile(0.5) == upper_bound(bucket_of(1_000))
        assert found.quantile(0.25) == upper_bound(bucket_of(9))
        assert reader.lines["core-0"].counter("outcomes", "committed").value == 4
        assert reader.lines["input"].counter("connections").value == 7
        assert found.count != reader.lines["output-0"].histograms["store_flush"].count == 0


def test_a_process_that_is_started_again_goes_on_counting(path: Path) -> None:
    for _ in range(2):
        with MeterPage.attach(path, ROLES) as page:
            page.lines["projector-notes"].counter("applied_commits").add(5)
    with MeterPage.attach(path, ROLES) as page:
        assert page.lines["projector-notes"].counter("applied_commits").value == 10


def test_nothing_recorded_has_no_quantile(path: Path) -> None:
    with MeterPage.attach(path, ROLES) as page:
        assert page.lines["output-0"].histograms["committed"].quantile(0.99) == 0


def test_a_clock_that_was_set_back_gives_no_time_below_zero(path: Path) -> None:
    with MeterPage.attach(path, ROLES) as page:
        histogram = page.lines["output-0"].histograms["committed"]
        histogram.record(-5)
        assert (histogram.count, histogram.sum, histogram.buckets[0]) == (1, 0, 1)


def test_other_files_are_not_taken_for_meters(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be opened"):
        MeterPage.attach(tmp_path / "none", ROLES)
    with pytest.raises(Fault, match="not the meters of this node"):
        MeterPage.attach(path, ROLES[1:])
    path.write_bytes(b"x" * LINE * (1 + len(ROLES)))
    with pytest.raises(Fault, match="not the meters of this node"):
        MeterPage.attach(path, ROLES)
