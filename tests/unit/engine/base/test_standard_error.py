"""Standard error with a reader that left, or does not read: real pipes and sockets in the place of it."""

import contextlib
import fcntl
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.standard_error import StandardError

LINE = b"x" * 99 + b"\n"
AT_ONCE_S = 0.5  # for a thousand lines, on a busy machine


@contextlib.contextmanager
def standard_error_is(descriptor: int) -> Iterator[None]:
    """Descriptor 2 is this one for a while."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def drained(descriptor: int) -> bytes:
    data = b""
    while select.select([descriptor], [], [], 0)[0] and (piece := os.read(descriptor, 1 << 16)):
        data += piece
    return data


@pytest.fixture(params=["pipe", "socket", "pipe of another user"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """(reading end, writing end), both blocking."""
    if request.param == "socket":
        with contextlib.ExitStack() as both:
            reader, writer = (both.enter_context(one) for one in socket.socketpair())
            yield reader.fileno(), writer.fileno()
        return
    if request.param == "pipe of another user":
        real = os.open

        def refused(path: str, *arguments: int) -> int:
            if str(path).startswith("/proc/self/fd"):
                raise PermissionError(path)
            return real(path, *arguments)

        monkeypatch.setattr(os, "open", refused)
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def test_a_reader_that_does_not_read_holds_up_nothing(ends: tuple[int, int]) -> None:
    read, write = ends
    stderr, began = StandardError(), time.monotonic()
    with standard_error_is(write):
        for _ in range(20_000):
            stderr.write(LINE)
    assert time.monotonic() - began < 20 * AT_ONCE_S
    assert not fcntl.fcntl(write, fcntl.F_GETFL) & os.O_NONBLOCK, "others share the descriptor"
    assert set(drained(read).split(b"\n")[:-1]) == {LINE[:-1]}, "whole lines, then nothing"


def test_lines_come_again_when_it_reads_again_and_none_is_glued_to_a_part(ends: tuple[int, int]) -> None:
    read, write = ends
    stderr = StandardError()
    with standard_error_is(write):
        stderr.write(b"y" * (1 << 20) + b"\n")  # more than there is room for
        assert set(drained(read)) == {ord("y")}
        stderr.write(LINE)
        assert drained(read) == b"\n" + LINE
        stderr.write(LINE)
        assert drained(read) == LINE


def test_a_reader_that_left_and_a_descriptor_that_is_closed() -> None:
    read, write = os.pipe()
    os.close(read)
    with standard_error_is(write):
        StandardError().write(LINE)
        os.close(2)
        StandardError().write(LINE)
        os.dup2(write, 2)
    os.close(write)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    with open(tmp_path / "log", "ab") as file, standard_error_is(file.fileno()):
        for _ in range(3):
            StandardError().write(LINE)
    assert (tmp_path / "log").read_bytes() == 3 * LINE


def test_streams_that_are_closed_take_no_files_number(tmp_path: Path) -> None:
    """The next file to be opened would be standard error, and hold the lines of the log."""
    code = (
        "import os; os.closerange(0, 3)\n"
        "from engine.base.standard_error import ensure_standard_streams, standard_error\n"
        "ensure_standard_streams()\n"
        f"assert os.open({str(tmp_path / 'data')!r}, os.O_WRONLY | os.O_CREAT) > 2\n"
        "standard_error.write(b'a line')\n"
        "import subprocess, sys\n"
        "child = 'import os; [os.fstat(number) for number in range(3)]'\n"
        "sys.exit(subprocess.call([sys.executable, '-c', child]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "data").read_bytes() == b""
