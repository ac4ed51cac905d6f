"""The watch on the clock: whether it is behind the time that was stamped last, and by how much.

A clock that stood far ahead for a while leaves stamps of a time to come. They go on from there, a nanosecond
a command, because they strictly increase, until the clock has passed them. That is harmless and looks odd, so
it is said, in the log and in `status`.
"""

from engine.base.log import Log
from engine.base.log_codes import Code
from engine.node.status import Slot

TOLERATED_NS = 5_000_000_000  # what setting a clock right costs now and then


class ClockWatch:
    """`slot`: of the input, where `status` finds how far the clock is behind."""

    def __init__(self, slot: Slot, log: Log) -> None:
        self._slot, self._log = slot, log
        self._is_behind = False

    def look(self, stamped_ns: int, now_ns: int) -> None:
        """Compares the last stamp with the clock."""
        behind_ns = max(0, stamped_ns - now_ns)
        was_behind, self._is_behind = self._is_behind, behind_ns > TOLERATED_NS
        self._slot.clock_behind_ms = behind_ns // 1_000_000 if self._is_behind else 0
        if self._is_behind and not was_behind:
            text = "the clock is behind the time of the last command, which goes on from there"
            hint = "see that the clock is right; timers count from now, and nothing is lost"
            self._log(Code.CLOCK_BEHIND, text, behind_s=behind_ns // 1_000_000_000, hint=hint)
        elif was_behind and not self._is_behind:
            self._log(Code.CLOCK_CAUGHT_UP, "the clock has passed the time of the last command")
