"""The standing of a follower: the same log, ahead of it for a moment, or another one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.follow.standing import Place, Standing, standing, stands
from engine.model.commit import Commit
from engine.store import Reader, Writer
from tests.unit.engine.store.batches import batch_of

MAP = 16 << 20
IDS = [uuid7_hex() for _ in range(6)]


class Log:
    """A store of one partition, to which commands with given ids are added."""

    def __init__(self, folder: Path) -> None:
        self.writer = Writer(folder, MAP, index_key=NO_INDEX_KEY)
        self.reader = Reader.beside(self.writer)

    def add(self, *ids: str) -> None:
        first = self.writer.position + 1
        commits = [Commit("a", at, id, at, at, [{"type": "x"}]) for at, id in enumerate(ids, first)]
        batch = batch_of(commits, first_position=first, last_sequence=first + len(ids) - 1)
        self.writer.commit([batch])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "store")
    log.add(*IDS[:3])
    yield log
    log.writer.close()


@pytest.mark.parametrize(
    ("place", "verdict"),
    [
        ((0, ""), Standing.SAME),
        ((2, IDS[1]), Standing.SAME),
        ((3, IDS[2]), Standing.SAME),
        ((3, ""), Standing.SAME),
        ((2, IDS[4]), Standing.OTHER),
        ((4, IDS[3]), Standing.AHEAD),
    ],
    ids=["never saved", "in a record", "the last one", "of unknown command", "another command", "ahead"],
)
def test_the_command_at_its_position_tells_a_follower_which_log_it_is(
    log: Log, place: Place, verdict: Standing
) -> None:
    assert standing([place], [log.reader]) is verdict
    assert standing([(1, IDS[0]), place], [log.reader, log.reader]) is verdict, "the worst one counts"


@pytest.mark.parametrize(("then", "same"), [(IDS[3], True), (IDS[5], False)], ids=["the same", "another"])
def test_one_that_is_ahead_waits_for_what_the_journal_gives(log: Log, then: str, same: bool) -> None:
    waited: list[str] = []

    def wait() -> None:
        waited.append(then)
        if len(waited) == 3:
            log.add(then)

    assert stands([(4, IDS[3])], [log.reader], lambda: False, wait) is same
    assert len(waited) == 3


def test_one_that_is_ahead_of_all_that_there_is_has_another_log(log: Log) -> None:
    assert not stands([(4, IDS[3])], [log.reader], lambda: True, lambda: None)


def test_a_store_that_grows_at_the_last_moment_is_looked_at_once_more(log: Log) -> None:
    answers = iter([False, True])

    def settled() -> bool:
        found = next(answers)
        if found:
            log.add(IDS[3])
        return found

    assert stands([(4, IDS[3])], [log.reader], settled, lambda: None)
