"""A clock that is behind the last stamp is noticed, told once, and told again when it has caught up."""

from pathlib import Path

from engine.base.log import KeptLog
from engine.base.log_codes import Code
from engine.node.status import StatusPage
from engine.stages.clock_watch import TOLERATED_NS, ClockWatch

YEAR_S = 365 * 24 * 3600
NOW_NS = 1_764_000_000 * 1_000_000_000


def test_a_clock_that_is_behind_is_told_once_and_shown_until_it_has_caught_up(tmp_path: Path) -> None:
    log = KeptLog()
    with StatusPage.create(tmp_path / "status", ["input"]) as page:
        slot = page.slot("input")
        watch = ClockWatch(slot, log)
        watch.look(NOW_NS, NOW_NS)
        watch.look(NOW_NS + TOLERATED_NS, NOW_NS)
        assert (log.codes, slot.clock_behind_ms) == ([], 0)
        stamped = NOW_NS + YEAR_S * 1_000_000_000
        watch.look(stamped, NOW_NS)
        watch.look(stamped + 1, NOW_NS)
        assert log.codes == [Code.CLOCK_BEHIND]
        assert f"behind_s={YEAR_S}" in log[0]
        assert slot.clock_behind_ms == YEAR_S * 1000
        watch.look(stamped, stamped)
        assert (log.codes[1:], slot.clock_behind_ms) == ([Code.CLOCK_CAUGHT_UP], 0)
