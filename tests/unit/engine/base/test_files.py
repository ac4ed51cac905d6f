import errno
import os
from pathlib import Path

import pytest

from engine.base.files import OsFiles, remove_all, write_all

FILES = OsFiles()


def test_parts_are_written_one_after_the_other(tmp_path: Path) -> None:
    file = FILES.create(tmp_path / "f")
    write_all(FILES, file, [b"ab", memoryview(b"cd"), b"e"], 3)
    assert FILES.read(file, 100, 0) == b"\0\0\0abcde"
    assert FILES.read(file, 2, 4) == b"bc"
    assert FILES.size(file) == 8
    FILES.close(file)


def test_a_write_that_makes_no_progress_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = FILES.create(tmp_path / "f")
    monkeypatch.setattr(os, "pwritev", lambda *_: 0)
    with pytest.raises(OSError, match="wrote nothing"):
        write_all(FILES, file, [b"abc"], 0)
    FILES.close(file)


def test_short_reads_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    file = FILES.open(tmp_path / "f")
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, length, offset: pread(file, min(length, 3), offset))
    assert FILES.read(file, 8, 1) == b"12345678"
    assert FILES.read(file, 80, 1) == b"123456789"
    FILES.close(file)


def test_a_file_system_that_cannot_reserve_space_is_put_up_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> None:
        raise OSError(number, "no")

    file = FILES.create(tmp_path / "f")
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: refuse(errno.EOPNOTSUPP))
    FILES.allocate(file, 100)
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="no"):
        FILES.allocate(file, 100)
    FILES.close(file)


def test_a_missing_folder_has_no_names_and_can_be_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert FILES.names(folder) == []
    FILES.make_folder(folder)
    FILES.make_folder(folder)
    FILES.flush_folder(folder)
    assert FILES.names(folder.parent) == ["b"]


def test_resizing_cuts_or_adds_zeros(tmp_path: Path) -> None:
    file = FILES.create(tmp_path / "f")
    write_all(FILES, file, [b"abc"], 0)
    FILES.resize(file, 2)
    FILES.resize(file, 4)
    FILES.flush(file)
    FILES.flush_all(file)
    FILES.forget_cache(file)
    assert FILES.read(file, 9, 0) == b"ab\0\0"
    FILES.close(file)
    FILES.rename(tmp_path / "f", tmp_path / "g")
    FILES.remove(tmp_path / "g")
    FILES.remove(tmp_path / "g")
    assert FILES.names(tmp_path) == []


def test_whatever_has_a_name_is_removed_and_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "full" / "of").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    for name in ("full", "file", "link", "nothing"):
        remove_all(tmp_path / name)
    assert os.listdir(tmp_path) == ["kept"]
