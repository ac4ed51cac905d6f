"""A reader that was killed pins the pages it read; the writer frees its place."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.model.commit import Commit
from engine.store import Writer
from tests.unit.engine.store.batches import batch_of

MAP = 64 << 20
READER = """
import sys
from pathlib import Path
from engine.store import Reader
reader = Reader(Path(sys.argv[1]), 64 << 20)
with reader.env.begin() as txn:
    print("reading", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "store", MAP, index_key=NO_INDEX_KEY)


def store(writer: Writer, number: int) -> None:
    entry = Commit("a", number, uuid7_hex(), number, number, [{"type": "x", "blob": "y" * 20_000}])
    writer.commit([batch_of([entry], first_position=number, last_sequence=number)])


def test_a_killed_reader_is_freed_and_a_living_one_is_not(writer: Writer) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(writer.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == b"reading\n"
        store(writer, 1)
        assert writer.check_readers() == 0
        children[0].send_signal(signal.SIGKILL)
        children[0].wait()
        assert writer.check_readers() == 1
        assert writer.check_readers() == 0
    finally:
        for child in children:
            child.kill()
            child.communicate()
        writer.close()
