"""Log records: typed and raw alike."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.commit import Commit
from engine.wire.log import encode_record, raw_record_decoder, record_decoder
from tests.unit.engine.cli.sample import Added, create

COMMITS = st.builds(
    Commit,
    st.text(min_size=1, max_size=20),
    st.integers(1, 1 << 60),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(1, 1 << 60),
    st.integers(0, 1 << 62),
    st.lists(st.builds(Added, st.integers()), min_size=1, max_size=3),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.booleans(), max_size=3),
)
TYPED = record_decoder(create({}))


@settings(deadline=None)
@given(st.integers(1, 1 << 62), st.lists(COMMITS, min_size=1, max_size=4))
def test_a_record_comes_back_typed_and_raw_alike(first: int, commits: list[Commit]) -> None:
    record = encode_record((first, commits))
    position, typed = TYPED.decode(record)
    assert position == first
    assert [msgspec.structs.astuple(commit) for commit in typed] == [
        msgspec.structs.astuple(commit) for commit in commits
    ]
    raw = raw_record_decoder.decode(record)
    assert raw.first_position == first
    assert encode_record((first, raw.commits)) == record


@settings(deadline=None)
@given(st.integers(1, 1 << 62), st.lists(COMMITS, min_size=1, max_size=4))
def test_commits_as_tuples_give_the_same_bytes(first: int, commits: list[Commit]) -> None:
    tuples = [msgspec.structs.astuple(commit) for commit in commits]
    assert encode_record((first, tuples)) == encode_record((first, commits))


@settings(deadline=None)
@given(COMMITS)
def test_a_typed_commit_is_a_commit_with_all_that_handlers_are_promised(commit: Commit) -> None:
    _, (typed,) = TYPED.decode(encode_record((1, [commit])))
    assert isinstance(typed, Commit)
    assert typed.time == commit.time
