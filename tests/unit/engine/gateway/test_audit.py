"""The audit log: lines that are only added, and the oldest files of which go before the disk is full."""

import threading
from pathlib import Path

import pytest

from engine import Fault
from engine.base.files import OsFiles
from engine.gateway.audit import FILES, Audit


def test_lines_come_in_their_order_and_one_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    Audit(path).note("ann", "view rebuild", "notes", "tried", source="10.0.0.7")
    Audit(path).note("ann", "view rebuild", 'notes\n{"forged":1}', "ok")
    with path.open("a") as file:
        file.write('{"time": "cut o')
    lines = list(Audit(path).lines())
    assert [line["outcome"] for line in lines] == ["tried", "ok"]
    assert (lines[0]["who"], lines[0]["from"]) == ("ann", "10.0.0.7")
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_are_none_before_the_first(tmp_path: Path) -> None:
    assert list(Audit(tmp_path / "audit.jsonl").lines()) == []


def test_what_cannot_be_noted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="the audit log cannot be written"):
        Audit(tmp_path / "no" / "audit.jsonl").note("a", "b", "c", "d")


def test_lines_are_read_in_their_order_over_all_files(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", file_bytes=1_000)
    for number in range(20):
        audit.note("ann", "view rebuild", f"notes {number}", "ok")
    assert len(list(tmp_path.iterdir())) > 2
    assert [line["what"] for line in audit.lines()] == [f"notes {number}" for number in range(20)]


def test_the_oldest_go_before_the_disk_is_full(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", file_bytes=1_000)
    for number in range(200):
        audit.note("ann", "view rebuild", f"notes {number}", "ok")
    files = list(tmp_path.iterdir())
    assert len(files) == FILES
    assert sum(file.stat().st_size for file in files) < FILES * 1_200
    kept = [line["what"] for line in audit.lines()]
    assert kept == [f"notes {number}" for number in range(200 - len(kept), 200)]


def test_a_missing_number_and_a_line_that_was_cut_off_lose_nothing_else(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", file_bytes=400)
    for number in range(12):
        audit.note("ann", "view rebuild", f"notes {number}", "ok")
    (tmp_path / "audit-2.jsonl").unlink()
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"time":"\xff')
    assert [line["what"] for line in audit.lines()][-1] == "notes 11"
    Audit(tmp_path / "audit.jsonl").note("ann", "view rebuild", "notes 12", "ok")
    found = [int(line["what"].split()[1]) for line in audit.lines()]
    assert found[-2:] == [11, 12]
    assert found == sorted(found)


def test_two_that_write_lose_no_line(tmp_path: Path) -> None:
    def write(who: str) -> None:
        audit = Audit(tmp_path / "audit.jsonl", file_bytes=2_000)
        for number in range(40):
            audit.note(who, "view rebuild", f"notes {number}", "ok")

    threads = [threading.Thread(target=write, args=(who,)) for who in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = list(Audit(tmp_path / "audit.jsonl").lines())
    for who in ("ann", "bob"):
        numbers = [line["what"] for line in lines if line["who"] == who]
        assert numbers[-1] == "notes 39"
        assert numbers == [f"notes {number}" for number in range(40 - len(numbers), 40)]


class NotedDisk(OsFiles):
    """The real disk. It notes what a power cut may undo, and what ends that."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def create(self, path: Path) -> int:
        self.done.append(f"create {path.name}")
        return super().create(path)

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.done.append(f"rename {old.name} {new.name}")

    def flush_all(self, file: int) -> None:
        self.done.append("flush")
        super().flush_all(file)

    def flush_folder(self, folder: Path) -> None:
        self.done.append("flush folder")
        super().flush_folder(folder)


def test_a_power_cut_takes_no_line_with_it_while_files_get_their_next_number(tmp_path: Path) -> None:
    disk = NotedDisk()
    audit = Audit(tmp_path / "audit.jsonl", file_bytes=1, disk=disk)
    audit.note("ann", "view rebuild", "notes", "tried")
    begun = ["create audit.jsonl", "flush", "flush folder"]
    assert disk.done == begun
    audit.note("ann", "view rebuild", "notes", "ok")
    assert disk.done[3:] == ["rename audit.jsonl audit-1.jsonl", "flush folder", *begun]
    audit.note("ann", "view rebuild", "boxes", "tried")
    moved = ["rename audit-1.jsonl audit-2.jsonl", "flush folder"]
    assert disk.done[8:] == [*moved, "rename audit.jsonl audit-1.jsonl", "flush folder", *begun]
