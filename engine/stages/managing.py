"""A process manager's turn: events and answers in, commands out, each with one effect.

    receive answers, apply events, fire timers ──▶ save all of it at once ──▶ only then send

On a node of a cluster it may be a shadow (`engine.stages.shadowing`): it handles events as the one that acts
does, but sends nothing and fires no timer; what became of its commands it finds in the stores.

A crash before the save forgets the turn, and it is done again, with the same ids. A crash after it finds the
commands in the outbox and sends them again; the node knows their ids.
"""

from collections.abc import Callable, Iterable

from engine.base.crash import crash_point
from engine.base.errors import NoSpace
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.follow import Fold
from engine.follow.dead_letters import NEVER
from engine.managers import Manager
from engine.managers.intake import Intake
from engine.managers.manager import MOST_WAITING
from engine.stages.post import Post
from engine.stages.projecting import FINISH_S, TURN_S
from engine.stages.shadowing import Shadowing
from engine.wire.doorbell import Notice

RETRY_S = 0.2  # between two attempts to save without room
WATCH_S = 0.1  # between two looks of a shadow for answers
WATCH_SHARE = 4  # so many times as long as such a look takes, it waits for the next


class Managing:
    """One process manager at work. Nothing leaves that is not saved.

    `now`: a clock in seconds that never goes back; `wall_ns`: the time of day, by which timers fire;
    `acts`: asked each turn; False while it is a shadow.
    """

    def __init__(
        self,
        fold: Fold,
        manager: Manager,
        post: Post,
        *,
        now: Callable[[], float],
        wall_ns: Callable[[], int],
        checkpoint_s: float,
        log: Log,
        acts: Callable[[], bool] | None = None,
    ) -> None:
        self.fold, self.manager, self.post = fold, manager, post
        self.has_room = True
        """False: the disk is full, and nothing leaves or is applied before it has room again"""
        self._intake = Intake(fold, manager)
        self._now, self._wall_ns, self._checkpoint_s, self._log = now, wall_ns, checkpoint_s, log
        self._save_at = self._watch_at = now()
        self._acts, self.acting = acts or (lambda: True), acts is None
        self._shadowing = Shadowing(fold, manager, now)
        if acts is not None:  # another one may have acted since this one was saved
            manager.before = self._shadowing.may

    @property
    def crowded(self) -> bool:
        """True while nothing more can be applied, because too much waits for answers or for room on the
        disk."""
        return self.manager.full or not self.has_room

    @property
    def caught_up(self) -> bool:
        """True if everything that the store had is applied, or as much of it as there is room for."""
        if not self.acting:
            return True
        return self.crowded or self.fold.full or not self._intake.behind

    def turn(self, notices: Iterable[Notice]) -> bool:
        """One turn; `notices` is asked for records only if there is room for what follows from them. True if
        there was anything to do."""
        if self._acts() != self.acting:
            self._change()
        self.fold.pace.begin(TURN_S)
        if not self.acting:
            return self._shadow(notices)
        busy = self._hear() | self._take(notices) | self._fire()
        self._save_if_due()
        return self._send() or busy

    def look(self) -> bool:
        """Checks whether the store has more than the doorbell announced. True if the next turn applies it."""
        self._intake.poll()
        return not self.caught_up

    def finish(self, beat: Callable[[], object] = lambda: None) -> None:
        """Applies what is stored, unless that takes long, and saves. What must leave stays in the outbox for
        the next start."""
        self.look()
        self.fold.pace.begin(FINISH_S)
        while not self.fold.pace.over and (self._take(()) if self.acting else self._shadowing.follow()):
            self._save_if_due()
            beat()
        self._save()

    @property
    def next_due(self) -> float:
        """The time of the next retry, by the clock `now`; timers are not counted."""
        if not self.has_room:
            return self._save_at
        mine = NEVER if self.crowded else min(self.fold.dead_letters.next_due, self.manager.setbacks.next_due)
        return min(mine, self.post.next_due)

    def patience(self) -> float:
        """Seconds until something is due, timers included."""
        due_s = max(0.0, self.next_due - self._now())
        if not self.acting:
            return min(due_s, WATCH_S)
        if self.crowded:
            return min(due_s, RETRY_S)
        return min(due_s, max(0, self.manager.timers.next_due_ns - self._wall_ns()) / 1e9)

    # ------------------------------------------------------------------ the steps of a turn

    def _hear(self) -> bool:
        """Receives answers to what was sent."""
        heard = False
        for id, refusal in self.post.answers():
            self.manager.answered(id, refusal, self._now())
            if refusal is not None and self.manager.before is not None:
                self._shadowing.remember(id)
            heard = True
        if heard:
            crash_point("manager.answered")
        return heard

    def _take(self, notices: Iterable[Notice]) -> bool:
        """Applies new events, and retries what failed before, as far as there is room for what they send."""
        if self.crowded:
            return False
        before = sum(self.fold.positions)
        if self._intake.behind:
            self._intake.read()
        else:
            for notice in notices:
                self._intake.accept(*notice)
        retried = self.fold.retry_due() | self.manager.retry_due(self._now())
        taken = sum(self.fold.positions) > before
        if taken:
            crash_point("manager.taken")
        return taken or retried

    def _fire(self) -> bool:
        """Fires timers that are due."""
        fired = 0 if self.crowded else self.manager.fire(self._wall_ns())
        if fired:
            crash_point("manager.fired")
        return fired > 0

    def _save_if_due(self) -> None:
        """Saves at once if something waits to leave, otherwise now and then."""
        waits = self.acting and self.has_room and self.manager.outbox.wants_out
        if waits or self._now() >= self._save_at:
            self._save()

    def _save(self) -> None:
        """Makes the turn durable, if there is room. Without room nothing is applied either, until there is
        some."""
        wanted = self.manager.outbox.wants_out
        try:
            self.fold.save(self.manager.changed or wanted)
        except NoSpace as error:
            if self.has_room:
                log_error(self._log, Code.FOLLOW_NO_ROOM, error)
            self.has_room = False
            self._save_at = self._now() + RETRY_S
            return
        self.has_room = True
        self._save_at = self._now() + self._checkpoint_s
        self.manager.durable()
        if wanted:
            crash_point("manager.saved")

    def _send(self) -> bool:
        """Sends what is saved, and again what has waited too long for its answer."""
        entries = self.manager.leaving(self.post.room)
        self.post.send([(entry.command, entry.body) for entry in entries])
        if entries:
            crash_point("manager.sent")
        return bool(entries)

    # ------------------------------------------------------------------ a shadow

    def _change(self) -> None:
        """Acts from now on, with all that is left to send, once it is where the one before was; or no
        longer."""
        if self.acting:
            self.post.forget()
            self.acting = False
            self.manager.before = self._shadowing.may
        elif self._shadowing.level or self._is_stuck():
            self._shadowing.watch(self._wall_ns())
            self.manager.outbox.leave_again()
            self.acting = True
            self.manager.before = self._shadowing.answer_first
            self._intake.poll()

    def _is_stuck(self) -> bool:
        """True if it cannot come level before it acts: what it has to send is in the way, and no other node
        sends it; or it has set aside as much as it may."""
        if self.manager.crowded:  # only then: it looks for each command that waits
            self._shadowing.watch(self._wall_ns())
        return self.fold.full or self.manager.crowded

    def _shadow(self, notices: Iterable[Notice]) -> bool:
        """The turn of a shadow: it handles what is stored, hears what became of its commands, and sends
        nothing. What the doorbell says only wakes it."""
        rung = sum(1 for _ in notices) > 0
        moved = self.has_room and self._shadowing.follow()
        retried = self.fold.retry_due() | self.manager.retry_due(self._now())
        if moved or rung or self._now() >= self._watch_at:
            began = self._now()
            moved |= self._shadowing.watch(self._wall_ns())
            self._watch_at = self._now() + max(WATCH_S, WATCH_SHARE * (self._now() - began))
        self._save_if_due()
        self.manager.leaving(MOST_WAITING)  # to be sent by the one that acts, and again by the next
        return moved or retried
