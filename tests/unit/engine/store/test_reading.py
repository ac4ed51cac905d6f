"""Every way to read a store gives what a list of its commits would give."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.store.reader
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.base.seals import seal
from engine.model.commit import Commit
from engine.store import Reader, Types, Writer
from engine.store.entries import aggregate_and_version, tags_of
from engine.store.format import word
from engine.wire.log import decode_commit
from tests.unit.engine.store.batches import batch_of

NAMES = ("a", "b", '"a"', "ä/b")
TAGS = ("note.created", "note.created@2", "note.closed", "noted")


def commits_of(drawn: list[list[tuple[str, list[str]]]]) -> list[list[Commit]]:
    """Commits in batches, versions counted up."""
    versions = dict.fromkeys(NAMES, 0)
    sequence = itertools.count(1)
    batches = []
    for batch in drawn:
        commits = []
        for name, tags in batch:
            versions[name] += 1
            number = next(sequence)
            events = [{"type": tag, "n": number, "text": "note.closed"} for tag in tags]
            commits.append(Commit(name, versions[name], uuid7_hex(), number, 1000 + number, events))
        batches.append(commits)
    return batches


def stored(path: Path, batches: list[list[Commit]]) -> Reader:
    writer = Writer(path, 16 << 20, index_key=NO_INDEX_KEY)
    position = 1
    for commits in batches:
        batch = batch_of(commits, first_position=position, last_sequence=commits[-1].sequence)
        writer.commit([batch])
        position += len(commits)
    writer.close()
    return Reader(path, 16 << 20)


ENTRY = st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(TAGS), min_size=1, max_size=2))
BATCHES = st.lists(st.lists(ENTRY, min_size=1, max_size=4), min_size=1, max_size=7)


@settings(deadline=None, max_examples=60)
@given(BATCHES, st.integers(0, 30), st.sets(st.sampled_from((*TAGS, "note", "unheard.of"))))
def test_reading_from_anywhere_forward_and_back_is_a_slice_of_the_log(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[list[tuple[str, list[str]]]],
    place: int,
    wanted: set[str],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.store.reader, "RECORDS_PER_READ", 2)  # so that there are many pages
        batches = commits_of(drawn)
        log = list(enumerate(itertools.chain.from_iterable(batches), 1))
        reader = stored(tmp_path_factory.mktemp("store") / "s", batches)
        try:
            after = [entry for entry in log if entry[0] > place]
            before = [entry for entry in reversed(log) if entry[0] < place]
            assert list(reader.commits(place)) == after
            assert [(p, decode_commit(e)) for p, e in reader.entries(place)] == after
            assert [(p, decode_commit(e)) for p, e in reader.entries_back(place)] == before
            assert [p for p, _ in reader.entries_back()] == [p for p, _ in reversed(log)]

            def chosen(commit: Commit) -> bool:
                tags = {event["type"] for event in commit.events}
                return bool(wanted & (tags | {tag.partition("@")[0] for tag in tags}))

            types = Types(wanted)
            assert list(reader.commits(place, types)) == [e for e in after if chosen(e[1])]
            assert [p for p, _ in reader.entries_back(place, types)] == [p for p, c in before if chosen(c)]
            for name in NAMES:
                mine = [(p, c) for p, c in log if c.aggregate == name]
                assert [(p, decode_commit(e)) for p, e in reader.entries_of(name, place)] == [
                    (p, c) for p, c in mine if c.version > place
                ]
                assert list(reader.stream(name)) == [c for _, c in mine]
                assert [p for p, _ in reader.entries_of_back(name, place)] == [
                    p for p, c in reversed(mine) if c.version < place
                ]
                assert [p for p, _ in reader.entries_of_back(name)] == [p for p, _ in reversed(mine)]
        finally:
            reader.close()


def test_a_name_stands_for_all_its_versions_unless_one_is_meant() -> None:
    every, one = Types(["note.created"]), Types(exactly=["note.created"])
    assert [every.includes(tag) for tag in (*TAGS, "note.created@x")] == [True, True, False, False, False]
    assert [one.includes(tag) for tag in TAGS] == [True, False, False, False]
    assert [Types(["note.created@2"]).includes(tag) for tag in TAGS] == [False, True, False, False]


def test_a_name_in_the_text_of_an_event_is_no_event_of_that_name(tmp_path: Path) -> None:
    reader = stored(tmp_path / "s", commits_of([[("a", ["noted"])], [("a", ["note.closed"])]]))
    assert [p for p, _ in reader.entries(types=Types(["note.closed"]))] == [2]


def test_an_entry_tells_its_aggregate_version_and_events_without_decoding_them(tmp_path: Path) -> None:
    reader = stored(tmp_path / "s", commits_of([[("ä/b", ["noted"]), ("ä/b", ["note.closed", "noted"])]]))
    found = [(p, *aggregate_and_version(e), tags_of(e)) for p, e in reader.entries()]
    assert found == [(1, "ä/b", 1, ["noted"]), (2, "ä/b", 2, ["note.closed", "noted"])]


def test_what_is_deleted_while_rows_are_read_takes_no_other_row_with_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 16 << 20, index_key=NO_INDEX_KEY)
    keys = [word(number) for number in range(30)]
    with writer.env.begin(write=True) as txn:
        for key in keys:
            txn.put(key, seal(key, b"an outcome"), db=writer.tables.outcomes)
    found = []
    for key, _ in Reader.beside(writer).rows("outcomes"):
        found.append(key)
        with writer.env.begin(write=True) as txn:
            txn.delete(key, db=writer.tables.outcomes)
    assert found == keys
    writer.close()
