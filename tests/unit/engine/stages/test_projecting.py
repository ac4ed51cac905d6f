"""A view's turn: what counts as work."""

from pathlib import Path

import pytest

from engine.base.log import no_log
from engine.stages.projecting import Projecting
from engine.wire.doorbell import Notice
from tests.unit.engine.follow.kit import KINDS, Following, Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_a_beat_is_no_work_and_yet_brings_what_is_missing(log: Log, tmp_path: Path) -> None:
    following = Following(log, tmp_path, KINDS[0])
    projecting = Projecting(following.fold, now=lambda: 0.0, checkpoint_s=1.0, log=no_log)
    first, last, record = log.append("a")
    assert projecting.turn([Notice(0, first, last, record)])
    assert not projecting.turn([])
    assert not projecting.turn([Notice(0, last + 1, last, b"")])
    log.append("a")
    projecting.turn([Notice(0, 3, 2, b"")])
    assert following.shown() == {"a": [3, [1, 2]]}
    following.fold.close()
