"""What is new to a cluster begins at one place on all its nodes."""

import pytest

from engine.base.errors import ConfigError, Fault
from engine.cluster.beginnings import Beginnings
from engine.cluster.handover import key_of
from engine.cluster.logs import NoAnswer
from engine.cluster.notes import NONE, MemoryNotes, Note
from engine.managers.birth import Birth


def test_what_the_first_node_proposes_is_the_birth_on_all() -> None:
    common = Beginnings(MemoryNotes())
    assert common.of_manager("ender", Birth([5, 2])) == Birth([5, 2])
    assert common.of_manager("ender", Birth([9, 9])) == Birth([5, 2])
    assert common.of_manager("other", Birth([9, 9])) == Birth([9, 9])


def test_a_worker_that_is_new_to_a_node_begins_where_it_has_come_to_elsewhere() -> None:
    common = Beginnings(MemoryNotes())
    assert common.of_worker("scribe", [(6, 0)], ["a" * 32]) == ([(6, 0)], ["a" * 32])
    assert common.of_worker("scribe", [(9, 0)], ["b" * 32]) == ([(6, 0)], ["a" * 32])


def test_without_an_answer_for_long_there_is_no_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cluster.beginnings.PATIENCE_S", 0.01)
    notes = MemoryNotes()
    notes.silent = True
    with pytest.raises(Fault, match="does not answer"):
        Beginnings(notes).of_manager("ender", Birth([5, 2]))


def test_servers_that_settle_who_leads_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, asked = MemoryNotes(), 0
    answers = notes.read

    def read(key: str) -> Note:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise NoAnswer
        return answers(key)

    monkeypatch.setattr(notes, "read", read)
    assert Beginnings(notes).of_manager("ender", Birth([5, 2])) == Birth([5, 2])


def test_a_note_that_cannot_be_read_is_named() -> None:
    notes = MemoryNotes()
    notes.write(key_of("scribe"), b"?", NONE)
    with pytest.raises(ConfigError, match="cannot be read"):
        Beginnings(notes).of_worker("scribe", [(6, 0)], [""])
