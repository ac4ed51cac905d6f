"""The simulated provider of payments keeps its word, and its book."""

from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from domain_12306.workers.provider import Declined, Paid, Pending
from domain_12306.workers.simulated import LATE_S, SLOW_S, Manners, SimulatedProvider, manners_of
from engine import ConfigError, CorruptData


class Time:
    """A clock in hand, and what was slept."""

    def __init__(self) -> None:
        self.now_s, self.slept = 1_000.0, 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def provider(folder: Path, time: Time, **manners: float) -> SimulatedProvider:
    return SimulatedProvider(folder, Manners(**manners), now=time.now, sleep=time.sleep)


def test_a_charge_is_made_once_however_often_it_is_asked_for_and_outlives_the_process(tmp_path: Path) -> None:
    time = Time()
    first = provider(tmp_path, time).charge("key", "pay-o", 500)
    assert isinstance(first, Paid)
    again = provider(tmp_path, time)
    assert again.charge("key", "pay-o", 500) == first
    assert again.balance() == 500
    for _ in range(2):
        again.refund("back", first.receipt, 500)
    assert provider(tmp_path, time).balance() == 0


def test_one_that_declines_takes_nothing(tmp_path: Path) -> None:
    bank = provider(tmp_path, Time(), decline=1)
    assert isinstance(bank.charge("key", "pay-o", 500), Declined)
    assert (bank.balance(), bank.reports()) == (0, [])


def test_one_that_answers_twice_reports_what_it_has_answered(tmp_path: Path) -> None:
    bank = provider(tmp_path, Time(), twice=1)
    paid = bank.charge("key", "pay-o", 500)
    assert bank.reports() == [paid]
    assert isinstance(paid, Paid)
    bank.noted(paid.receipt)
    assert bank.reports() == []
    assert provider(tmp_path, Time()).reports() == []
    assert bank.balance() == 500


def test_money_that_is_late_comes_by_report_and_counts_from_then(tmp_path: Path) -> None:
    time = Time()
    bank = provider(tmp_path, time, late=1)
    assert isinstance(bank.charge("key", "pay-o", 500), Pending)
    assert (bank.reports(), bank.balance()) == ([], 0)
    time.now_s += LATE_S
    again = provider(tmp_path, time)
    (paid,) = again.reports()
    assert (paid.payment, paid.amount, again.balance()) == ("pay-o", 500, 500)


def test_money_that_never_comes_never_comes(tmp_path: Path) -> None:
    time = Time()
    bank = provider(tmp_path, time, never=1)
    assert isinstance(bank.charge("key", "pay-o", 500), Pending)
    time.now_s += 1e9
    assert (provider(tmp_path, time).reports(), bank.balance()) == ([], 0)


def test_a_slow_one_takes_its_time_and_what_it_does_is_the_same(tmp_path: Path) -> None:
    time = Time()
    bank = provider(tmp_path, time, slow=1)
    assert isinstance(bank.charge("key", "pay-o", 500), Paid)
    assert time.slept == SLOW_S


def test_it_does_each_as_often_as_it_says(tmp_path: Path) -> None:
    bank = provider(tmp_path, Time(), decline=0.25, twice=0.25, late=0.25, never=0.25)
    answers = [bank.charge(str(k), f"pay-{k}", 1) for k in range(2_000)]
    kinds = {kind: sum(isinstance(answer, kind) for answer in answers) for kind in (Declined, Paid, Pending)}
    assert 400 < kinds[Declined] < 600
    assert 400 < kinds[Paid] < 600
    assert 900 < kinds[Pending] < 1_100
    (tmp_path / "again").mkdir()
    repeated = provider(tmp_path / "again", Time(), decline=0.25, twice=0.25, late=0.25, never=0.25)
    assert isinstance(repeated.charge("7", "pay-7", 1), type(answers[7]))


def test_a_line_that_a_kill_cut_short_was_answered_to_no_one(tmp_path: Path) -> None:
    provider(tmp_path, Time()).charge("key", "pay-o", 500)
    book = tmp_path / "book"
    book.write_bytes(book.read_bytes() + b'{"key": "other", "pay')
    again = provider(tmp_path, Time())
    again.charge("third", "pay-p", 7)
    assert provider(tmp_path, Time()).balance() == 507


@pytest.mark.parametrize(
    "text", ["late", "late=often", "early=0.1", "late=2", "late=-1", "late=0.6,never=0.6"]
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        manners_of(text)


def test_a_description_is_read() -> None:
    assert manners_of("") == Manners()
    assert manners_of("decline=0.1, late=0.2,slow=1") == Manners(decline=0.1, late=0.2, slow=1)


def test_a_book_that_is_damaged_is_named_with_its_line(tmp_path: Path) -> None:
    provider(tmp_path, Time()).charge("k", "pay-1", 100)
    with (tmp_path / "book").open("a") as book:
        book.write('{"key": "half"\n')
    with pytest.raises(CorruptData, match=r"book .*line=2.*restore it"):
        provider(tmp_path, Time())


def test_without_room_for_a_line_none_is_kept_and_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = provider(tmp_path, Time())
    bank.charge("k", "pay-1", 100)
    with monkeypatch.context() as full:
        full.setattr(Path, "open", lambda path, *how, **more: FullDisk(path, "ab", buffering=0))
        with pytest.raises(OSError, match="no room"):
            bank.charge("l", "pay-2", 200)
    assert bank.balance() == 100
    bank.charge("l", "pay-2", 200)
    assert provider(tmp_path, Time()).balance() == 300


class FullDisk(FileIO):
    """A file on a disk that has room for ten bytes."""

    def __init__(self, path: Path, mode: str, buffering: int) -> None:
        super().__init__(path, mode)

    def write(self, line: Any) -> int:
        return super().write(line[:10])
