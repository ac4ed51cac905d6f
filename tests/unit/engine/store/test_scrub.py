"""A row that is hidden, or says something else, is found from the log; a sound store is found sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import CorruptData
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.base.seals import seal
from engine.model.commit import Commit
from engine.store import Reader, Writer
from engine.store.format import POSITION, SEQUENCE, Tables, word
from engine.store.scrub import Scrub
from tests.unit.engine.store.batches import batch_of, key_of, outcome

NAMES = ["a", "b", "a", "c", "a", "b"]


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A store with three records of two commits, outcomes, and a command that led to another."""
    writer = Writer(tmp_path / "store", 64 << 20, index_key=NO_INDEX_KEY)
    versions: dict[str, int] = {}
    for first in (1, 3, 5):
        commits = []
        for position in (first, first + 1):
            name = NAMES[position - 1]
            versions[name] = versions.get(name, 0) + 1
            causation = command(1) if position == 4 else None
            events: list[Any] = [{"type": "x"}]
            commits.append(
                Commit(
                    name, versions[name], command(position), position, 9, events, None, causation, causation
                )
            )
        batch = batch_of(commits, first_position=first, last_sequence=first + 1)
        if first == 3:
            batch = batch._replace(children=bytes.fromhex(command(1) + command(4)) + word(4))
        writer.commit([batch._replace(outcomes=b"[" + outcome(uuid7_hex()) + b"]")])
    return writer


def command(position: int) -> str:
    return f"{position:032x}"


def scrubbed(writer: Writer) -> Scrub:
    scrub = Scrub(Reader.beside(writer))
    while scrub.turn():
        pass
    return scrub


def test_a_sound_store_is_sound_and_an_empty_one_too(writer: Writer, tmp_path: Path) -> None:
    scrub = scrubbed(writer)
    assert (scrub.done, scrub.total, scrub.finished) == (6, 6, True)
    assert not scrub.turn(), "nothing is left"
    assert scrubbed(Writer(tmp_path / "empty", 1 << 20)).finished


def test_what_is_stored_meanwhile_is_not_looked_at(writer: Writer) -> None:
    scrub = Scrub(Reader.beside(writer))
    assert scrub.turn()
    commit = Commit("a", 4, command(7), 7, 9, [{"type": "x"}], None)
    writer.commit([batch_of([commit], first_position=7, last_sequence=7)])
    while scrub.turn():
        pass
    assert scrub.done == 6
    assert scrubbed(writer).done == 7


def hidden(table: str, key: bytes, other: bytes) -> Callable[[Any, Tables], None]:
    """A row whose key is another one since a bit has flipped in it."""

    def change(txn: Any, tables: Tables) -> None:
        rows = getattr(tables, table)
        txn.put(other, txn.get(key, db=rows), db=rows)
        txn.delete(key, db=rows)

    return change


def lost(table: str, key: bytes) -> Callable[[Any, Tables], None]:
    return lambda txn, tables: txn.delete(key, db=getattr(tables, table))


def changed(table: str, key: bytes, value: bytes) -> Callable[[Any, Tables], None]:
    return lambda txn, tables: txn.put(key, seal(key, value), db=getattr(tables, table))


def row_of(position: int) -> bytes:
    return bytes.fromhex(command(position)) + key_of(NAMES[position - 1])


DAMAGES = {
    "a command's row is hidden": (
        hidden("commands", row_of(2), b"\1" + row_of(2)[1:]),
        "table=commands, position=2",
    ),
    "a command's row is lost": (lost("commands", row_of(2)), "commands=?.*commits=6, found=5"),
    "a command's row points elsewhere": (
        changed("commands", row_of(2), word(4)),
        "table=commands, position=2",
    ),
    "a version's row is hidden": (
        hidden("versions", key_of("c") + word(1), key_of("c") + word(3)),
        "table=versions, position=4.*aggregate=c",
    ),
    "the row of the versions before is lost": (
        lost("versions", key_of("a") + word(1)),
        "table=versions, position=3",
    ),
    "a child's row is lost": (
        lost("children", bytes.fromhex(command(1) + command(4))),
        "table=children, position=4",
    ),
    "a record is lost": (lost("log", word(4)), "missing between two others .*position=3"),
    "the first record is lost": (lost("log", word(2)), "beginning of the log is missing .*position=2"),
    "the last record is lost": (lost("log", word(6)), "end at the last position .*position=6, found=4"),
    "the last position is another one": (changed("meta", POSITION, word(4)), "position=4, found=6"),
    "a seal is broken among the outcomes": (
        lambda txn, tables: txn.put(word(2), b"rubbish", db=tables.outcomes),
        "checksum .*table=outcomes, key=2",
    ),
    "a seal is broken in a row that no commit has": (
        lambda txn, tables: txn.put(b"\xff" * 24, b"rubbish", db=tables.versions),
        "checksum .*table=versions",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_with_its_place(writer: Writer, damage: str) -> None:
    change, said = DAMAGES[damage]
    with writer.env.begin(write=True) as txn:
        change(txn, writer.tables)
    with pytest.raises(CorruptData, match=said) as found:
        scrubbed(writer)
    assert found.value.facts["path"] == writer.path


def test_the_last_sequence_is_under_its_seal(writer: Writer) -> None:
    with writer.env.begin(write=True) as txn:
        txn.put(SEQUENCE, word(9), db=writer.tables.meta)
    with pytest.raises(CorruptData, match=r"checksum .*table=meta, key=9\)|checksum .*table=meta"):
        Reader.beside(writer).sequence()
