"""A benchmark's verification is worth something only if it notices what is wrong."""

from pathlib import Path

from msgspec.json import encode

from benchmarks.ledger import Ledger
from domain_12306.messages import RunOpened, SeatsReserved
from engine import Event
from engine.base.identity import NO_INDEX_KEY, aggregate_key, uuid7_hex
from engine.model.commit import Commit
from engine.store import Writer
from engine.wire.batches import Batch

RUN = "G1/2026-11-23"
OPENED = RunOpened("G1", "2026-11-23", [("A", 0, 0), ("B", 9, 9), ("C", 20, 20)], [(1, "O", 2)])


def reserved(order: str, seat: int, board: int, alight: int) -> SeatsReserved:
    return SeatsReserved(order, "O", board, alight, [(seat, 0, 2)], [order])


def ledger_of(folder: Path, *events: Event) -> Ledger:
    """The ledger of a store that holds these events of one run."""
    commits = [
        Commit(RUN, number, uuid7_hex(), number, number, [event]) for number, event in enumerate(events, 1)
    ]
    key = aggregate_key(NO_INDEX_KEY, RUN)
    keys = b"".join([bytes.fromhex(commit.command) + key for commit in commits])
    heads = key + len(commits).to_bytes(8, "big")
    writer = Writer(folder / "store-0000", 1 << 24, index_key=NO_INDEX_KEY)
    writer.commit([Batch(1, len(commits), 1, len(commits), encode((1, commits)), keys, heads, b"", b"", b"")])
    writer.close()
    ledger = Ledger(audited=1, seed=1)
    ledger.read(folder, 1, {})
    return ledger


def test_seats_sold_on_different_segments_or_once_are_in_order(tmp_path: Path) -> None:
    first, then = reserved("a", 0, 0, 1), SeatsReserved("b", "O", 1, 2, [(0, 1, 2)], ["b"])
    ledger = ledger_of(tmp_path, OPENED, first, then, reserved("c", 1, 0, 2))
    assert ledger.broken == []
    assert (ledger.runs, ledger.orders, ledger.tickets, ledger.audited) == (1, 3, 3, 1)
    assert ledger.totals() == {"runs": 1, "seat_segments": 4, "seat_segments_sold": 4}


def test_a_seat_that_is_sold_twice_on_a_segment_is_found(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, OPENED, reserved("a", 0, 0, 2), reserved("b", 0, 1, 2))
    assert "sold twice" in ledger.broken[0]
    assert any("sold to a and b" in text for text in ledger.broken), "the audit finds it, too"


def test_a_seat_that_the_train_does_not_have_is_found(tmp_path: Path) -> None:
    assert "is no seat" in ledger_of(tmp_path, OPENED, reserved("a", 2, 0, 1)).broken[0]


def test_a_party_with_a_wrong_gap_is_found_by_the_audit(tmp_path: Path) -> None:
    wrong = SeatsReserved("a", "O", 0, 1, [(0, 0, 1)], ["a"])
    assert "has the gap 0..2" in ledger_of(tmp_path, OPENED, wrong).broken[0]
