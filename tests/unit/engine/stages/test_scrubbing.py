"""What a start has no time for is done afterwards, a little at a time."""

import shutil
from pathlib import Path

import lmdb
import pytest

from engine.base.errors import CorruptData
from engine.node.data_directory import DataDirectory
from engine.stages.scrubbing import Scrubbing, scrub_at_start
from engine.store import Writer
from engine.store.format import MOST_TABLES
from engine.store.scrub import RECORDS_A_TURN
from engine.testing import InlineEngine
from examples.bank_transfer import app
from examples.bank_transfer.messages import OpenAccount

EVENTS = 5 * RECORDS_A_TURN


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """A directory with a record for each of some events."""
    with InlineEngine(app, tmp_path / "data") as engine:
        for number in range(EVENTS):
            engine.send(OpenAccount(f"account-{number}", amount=1))
    return DataDirectory(tmp_path / "data")


def hide(data: DataDirectory, position: int) -> None:
    """Takes the row of a command away, and adds another one, as a flipped bit in its key does."""
    command = data.reader(0).command_at(position)
    writer = Writer(data.store(0), 1 << 30)
    rows = writer.tables.commands
    with writer.env.begin(write=True) as txn:
        cursor = txn.cursor(rows)
        assert cursor.set_range(bytes.fromhex(command))
        key, value = cursor.item()
        txn.delete(key, db=rows)
        txn.put(bytes([key[0] ^ 0x80]) + key[1:], value, db=rows)
    writer.close()


def test_a_start_that_has_the_time_looks_at_everything(data: DataDirectory) -> None:
    beats: list[int] = []
    assert scrub_at_start(data, lambda: beats.append(1)) == 0
    assert beats, "it is not taken for one that hangs"


def test_what_a_start_does_not_reach_is_reached_afterwards(data: DataDirectory) -> None:
    assert scrub_at_start(data, lambda: None, most_s=0.0) == EVENTS - RECORDS_A_TURN
    scrubbing = Scrubbing(data.readers())
    left = [scrubbing.left]
    while scrubbing.turn(most_s=0.0):
        left.append(scrubbing.left)
    assert left[0] == EVENTS
    assert left == sorted(left, reverse=True)
    assert scrubbing.left == 0
    assert not scrubbing.turn()


@pytest.mark.parametrize(("position", "found_at_start"), [(EVENTS, True), (1, False)])
def test_a_command_whose_row_is_hidden_is_found_sooner_or_later(
    data: DataDirectory, position: int, found_at_start: bool
) -> None:
    hide(data, position)
    if found_at_start:
        with pytest.raises(CorruptData, match=f"table=commands, position={position}"):
            scrub_at_start(data, lambda: None, most_s=0.0)
        return
    assert scrub_at_start(data, lambda: None, most_s=0.0)
    scrubbing = Scrubbing(data.readers())
    with pytest.raises(CorruptData, match=f"table=commands, position={position}"):
        list(iter(scrubbing.turn, False))


def test_a_store_that_is_being_made_just_now_is_no_damage(tmp_path: Path) -> None:
    with InlineEngine(app, tmp_path / "data"):
        pass
    data = DataDirectory(tmp_path / "data")
    shutil.rmtree(data.store(0))
    data.store(0).mkdir()
    lmdb.open(str(data.store(0)), map_size=1 << 24, max_dbs=MOST_TABLES).close()
    assert scrub_at_start(data, lambda: None) == 0
