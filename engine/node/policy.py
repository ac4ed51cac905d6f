"""The policy of the supervisor for a process that ended or hangs. It is pure: times are passed in.

exit code                                        of the pipeline         of all others (followers)
------------------------------------------------------------------------------------------------
2 config, 3 disk fault, 4 corrupt data,          stop all                give up
5 invariant broken, 6 locked
anything else: 0, 1, 75, killed by a signal      restart                 restart
ten early ends in a minute                       stop all                give up
five hangs in ten minutes                        restart                 give up
4 corrupt data, found by the scrub               stop all                stop all
any of the codes, or a hang, at a query          -                       restart: that query is refused next

A restart follows after a delay that doubles while the process fails early. It would not help after the codes
that are named: it would fail the same way, or build on something that cannot be trusted. A follower is given
up alone, because commands need none: a stand-in takes its place.
"""

from enum import Enum

from engine.base.errors import Exit
from engine.node.status import State


class Action(Enum):
    """The action after the end of a process."""

    RESTART = "restart"
    STOP_ALL = "stop all"
    GIVE_UP = "give up"


FINAL = frozenset((Exit.CONFIG, Exit.DISK_FAULT, Exit.CORRUPT, Exit.INVARIANT, Exit.LOCKED))


def action_for(exit_code: int, *, in_pipeline: bool, scrubs: bool = False) -> Action:
    """The row of the table for an exit code; a negative one means killed by that signal. `scrubs`: it is the
    reader, which looks for damage in what everything else follows."""
    in_truth = in_pipeline or (scrubs and exit_code == Exit.CORRUPT)
    return without_it(in_truth) if exit_code in FINAL else Action.RESTART


def without_it(in_pipeline: bool) -> Action:
    """The action where a process cannot be kept running."""
    return Action.STOP_ALL if in_pipeline else Action.GIVE_UP


class Backoff:
    """Delays between restarts of one process, and when to give up.

    A process that was at work for `WELL_S` before it ended starts from the shortest delay again: being
    killed now and then is not failing at start. One that never gets there is given up after `MOST`
    restarts within `WINDOW_S`, so that a node that cannot work says so instead of trying for ever.
    """

    FIRST_S = 0.05
    LONGEST_S = 5.0
    WELL_S = 5.0
    WINDOW_S = 60.0
    MOST = 10
    HANGS_WITHIN_S = 600.0
    MOST_HANGS = 5

    def __init__(self) -> None:
        self._early: list[float] = []
        self._hangs: list[float] = []

    def hung(self, now: float) -> bool:
        """Notes that the process was killed because it hung. True: it did so too often."""
        self._hangs = [at for at in self._hangs if at > now - self.HANGS_WITHIN_S]
        self._hangs.append(now)
        return len(self._hangs) >= self.MOST_HANGS

    def delay(self, now: float, worked_s: float) -> float | None:
        """Seconds until the next start of a process that was at work for `worked_s`; None: give up."""
        if worked_s >= self.WELL_S:
            self._early.clear()
        self._early = [at for at in self._early if at > now - self.WINDOW_S]
        self._early.append(now)
        if len(self._early) > self.MOST:
            return None
        return float(min(self.LONGEST_S, self.FIRST_S * 2 ** (len(self._early) - 1)))


class Liveness:
    """A watch on whether a process hangs, by the progress counter that its working loop writes, and by what
    a core has in hand.

    state                                      may be silent for
    -----------------------------------------------------------------------------------------------
    starting; replaying, nothing in hand       `start_seconds`: it imports and loads
    replaying, with commands in hand           `hang_seconds`: a handler runs, as it did when it was new
    any other                                  `hang_seconds`
    """

    MOST_PER_LOOK_S = 2.0  # if the supervisor itself was stopped, the silence of the others proves nothing

    def __init__(self, hang_seconds: float, start_seconds: float) -> None:
        self._hang_s, self._start_s = hang_seconds, start_seconds
        self.reset()

    def reset(self) -> None:
        """Notes that the process was started again."""
        self._seen = (-1, -1, 0)
        self._still_s = 0.0
        self._looked_at: float | None = None

    def hangs(self, now: float, state: int, progress: int, in_hand: int = 0) -> bool:
        """Checks once. True if neither the counter nor `in_hand`, the sequence that a core is running, has
        moved for as long as this state may take. A new state is progress too, so that a start that took long
        does not count against the first turn of the loop."""
        since = 0.0 if self._looked_at is None else min(now - self._looked_at, self.MOST_PER_LOOK_S)
        self._looked_at = now
        seen = (state, progress, in_hand)
        if seen != self._seen:
            self._seen, self._still_s = seen, 0.0
            return False
        self._still_s += since
        loads = state == State.STARTING or (state == State.REPLAYING and not in_hand)
        return self._still_s > (self._start_s if loads else self._hang_s)
