"""A process dies at each crash point; nothing is lost, done twice or wrong, then and after a restart."""

from pathlib import Path

import pytest

from engine.base.crash import OF_A_CLUSTER, POINTS
from tests.crash.story import run

ONCE_A_LIFE = ("core.replayed", "builder.begun", "builder.closed")
SELDOM = ("builder.saved", "view.taken-over", "view.pointed")  # seconds apart
EVERY_RUN = (
    "input.written",
    "input.published",
    "core.handed-on",
    "output.storing",
    "output.stored",
    "output.answered",
    "view.saving",
    "manager.saved",
    "roll.renamed",
    "snapshot.durable",
)


@pytest.mark.smoke
def test_a_death_where_most_can_go_wrong_loses_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, [(point, 2) for point in EVERY_RUN]) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 17])
@pytest.mark.parametrize("point", [point for point in POINTS if point not in OF_A_CLUSTER])
def test_a_death_at_any_point_loses_nothing(tmp_path: Path, point: str, number: int) -> None:
    if point in ONCE_A_LIFE and number > 1:
        pytest.skip("a process comes by once in its life")
    if point in SELDOM and number > 2:
        pytest.skip("it takes minutes to come by so often")
    assert run(tmp_path, [(point, number)]) == []
