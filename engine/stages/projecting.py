"""A view's turn: apply what the doorbell brought, retry what failed, save now and then.

The doorbell only says that there is something new, and its messages may be lost. A record that does not
follow the last position leaves a gap, and what is missing is read from the event store. So a view converges
to the fold of the log, whatever was lost.

A turn ends after `TURN_S`, in the middle of a record if need be, so that queries are answered and the
position moves however slow the handlers are. What is left is in the store, and the next turn goes on there.
"""

from collections.abc import Callable, Iterable

from engine.base.crash import crash_point
from engine.base.errors import NoSpace
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.follow import Fold
from engine.wire.doorbell import Notice

TURN_S = 0.25
FINISH_S = 2.0  # of a stop; the next start applies what is left


class Projecting:
    """`fold` may be replaced by one that has come as far. `now`: a clock in seconds that never goes back."""

    def __init__(
        self, fold: Fold, *, now: Callable[[], float], checkpoint_s: float, log: Log
    ) -> None:
        self.fold = fold
        self.has_room = True
        """False: the disk is full, and the view goes on in memory"""
        self._now, self._checkpoint_s, self._log = now, checkpoint_s, log
        self._save_at = now()
        self._behind = False  # the last turn ended before all was applied

    def turn(self, notices: Iterable[Notice]) -> bool:
        """Applies these records and retries what is due. True if there was anything. A beat alone does not
        count, or it would keep an idle process awake."""
        self.fold.pace.begin(TURN_S)
        busy = self._behind
        for notice in notices:
            if self._behind:  # what is announced is in the store
                continue
            self.fold.accept(*notice)
            self._behind = self.fold.pace.over
            if notice.record:
                busy = True
                crash_point("projector.applied")
        if self._behind and not self.fold.pace.over:
            self.fold.poll()
            self._behind = self.fold.pace.over
        busy = self.fold.retry_due() or busy
        if self._now() >= self._save_at:
            self.save()
        return busy

    def look(self) -> bool:
        """Applies what is in the store and was not announced by the doorbell. True if there was any."""
        before = sum(self.fold.positions)
        self.fold.pace.begin(TURN_S)
        self.fold.poll()
        self._behind = self.fold.pace.over
        return sum(self.fold.positions) > before

    def save(self) -> None:
        """Saves what is new, or logs once that there is no room."""
        before = self.fold.view.positions
        try:
            self.fold.save()
            if self.fold.view.positions != before:
                crash_point("projector.saved")
        except NoSpace as error:
            if self.has_room:
                log_error(self._log, Code.FOLLOW_NO_ROOM, error)
            self.has_room = False
        else:
            self.has_room = True
        self._save_at = self._now() + self._checkpoint_s

    def finish(self) -> None:
        """Applies what is stored, unless that takes long, and saves it. NoSpace: what was not saved is
        applied again at the next start."""
        self.fold.pace.begin(FINISH_S)
        self.fold.poll()
        self.fold.save()

    @property
    def next_due(self) -> float:
        """The time of the next retry, by the clock."""
        return self.fold.dead_letters.next_due

    def patience(self) -> float:
        """Seconds until then."""
        return max(0.0, self.next_due - self._now())
