"""Orders end rightly, whichever process dies meanwhile."""

from pathlib import Path

import pytest

from tests.booking.story import run


@pytest.mark.smoke
def test_whichever_process_dies_no_order_is_left_in_between_and_no_fen_is_missing(tmp_path: Path) -> None:
    report = run(tmp_path / "data", kills=30, seed=12306)
    assert report.broken == [], str(report)
    killed = {"input", "core-0", "output-0", "manager-booking", "projector-orders", "projector-remaining"}
    killed |= {"worker-payments", "worker-vault"}
    assert killed <= set(report.kills), str(report)
    assert min(report.states[name] for name in ("TICKETED", "CANCELLED")) > 20, str(report)
