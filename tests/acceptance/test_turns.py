"""Long turns: how the processes of a node share processors that are busy."""

import os
from pathlib import Path

import pytest

from tests.acceptance.kit import railway

needs_linux = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="NO TURNS ARE TESTED: no Linux")


@needs_linux
@pytest.mark.parametrize(("turn_ms", "long"), [(0, False), (100, True)])
def test_all_processes_of_a_node_take_them_if_it_is_set_and_the_supervisor_never(
    tmp_path: Path, turn_ms: int, long: bool
) -> None:
    own = os.sched_getscheduler(0)
    with railway(tmp_path / "data", turn_ms=turn_ms) as node:
        policies = {os.sched_getscheduler(pid) for pid in node.pids.values()}
        assert policies == {os.SCHED_BATCH if long else own}
        assert os.sched_getscheduler(node.pid) == own
