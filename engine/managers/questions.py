"""What a process manager answers when it is asked: what every follower answers (`engine.follow.questions`),
where refusals whose handler failed stand among the dead letters, and

    outbox    commands that are not answered yet, the first `MOST_SHOWN`: {"waiting": n, "commands": […]}
    timers    timers that are set, the earliest `MOST_SHOWN`: {"waiting": n, "timers": […]}
    timers-of {"command": id}: the timers that were set because of a command, and what became of them
              (`managers.ended.TimerStory`)
    instance  {"id": …}: what belongs to one id (`engine.managers.instance`)
"""

import contextlib
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from engine.base.errors import NoSpace
from engine.follow.fold import Fold
from engine.follow.questions import Aggregates, Nothing, OneAggregate, Questions
from engine.managers.ended import TimerStory, prefix_of, story_in
from engine.managers.instance import MOST_SHOWN, document_of_entry, document_of_timer, instance_of
from engine.managers.manager import Manager
from engine.managers.setbacks import Setback
from engine.model.messages import CommandId, wire_tag


class OneInstance(msgspec.Struct, forbid_unknown_fields=True):
    """Which instance an operator means."""

    id: str


class OneCommand(msgspec.Struct, forbid_unknown_fields=True):
    """The command that is asked about."""

    command: CommandId


class ManagerQuestions(Questions):
    """All questions to one process manager. `now`: the clock, in s, by which it is driven."""

    def __init__(
        self,
        fold: Fold,
        manager: Manager,
        *,
        wall: Callable[[], int] = time.time_ns,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(fold, wall=wall)
        self._manager, self._now = manager, now
        self._add("outbox", Nothing, lambda _: self.outbox())
        self._add("timers", Nothing, lambda _: self.timers())
        self._add("timers-of", OneCommand, lambda asked: self.timers_of(asked.command))
        self._add("instance", OneInstance, lambda asked: instance_of(manager, asked.id, self.dead_letters()))
        self.names = ["outbox", "timers", "timers-of", "instance"]

    def dead_letters(self) -> list[dict[str, Any]]:
        return super().dead_letters() + self._setbacks()

    def outbox(self) -> dict[str, Any]:
        """Commands that have not arrived yet, in order."""
        entries = list(islice(self._manager.outbox, MOST_SHOWN))
        return {
            "waiting": len(self._manager.outbox),
            "commands": [document_of_entry(entry) for entry in entries],
        }

    def timers(self) -> dict[str, Any]:
        """Commands that will leave later."""
        timers = self._manager.timers.pending()[:MOST_SHOWN]
        return {
            "waiting": len(self._manager.timers),
            "timers": [document_of_timer(*timer) for timer in timers],
        }

    def timers_of(self, command: str) -> list[TimerStory]:
        """The timers that were set because of a command: those that have ended, then those that wait."""
        self._save(self._manager.ended.changed)  # they are looked up where they are saved
        rows = self._fold.view.items(b"e" + prefix_of(command))
        ended = [story_in(bytes(key)[1:], bytes(value)) for key, value in rows]
        return ended + self._manager.timers.of(command)

    def _retry(self, request: Aggregates) -> list[dict[str, Any]]:
        wanted = {setback.entry.command.aggregate for setback in self._manager.setbacks.all()}
        if request.aggregate:
            wanted &= {request.aggregate}
        for aggregate in sorted(wanted):
            self._manager.retry(aggregate, self._now())
        self._save(bool(wanted))
        left = [letter for letter in self._setbacks() if letter["aggregate"] in wanted]
        if request.aggregate and wanted and self._fold.dead_letters.of(request.aggregate) is None:
            return left
        return super()._retry(request) + left

    def _drop(self, request: OneAggregate) -> list[dict[str, Any]]:
        """Drops refusals first, since what follows the aggregate's commit may depend on them."""
        if self._manager.drop(request.aggregate):
            self._save(True)
            letter = self._fold.dead_letters.of(request.aggregate)
            return [] if letter is None else [self._document(letter)]
        return super()._drop(request)

    def _save(self, wanted: bool) -> None:
        """Saves, so that what an operator is told still holds after a crash."""
        if wanted:
            with contextlib.suppress(NoSpace):  # the loop's next save writes it all
                self._fold.save(True)

    def _setbacks(self) -> list[dict[str, Any]]:
        return [_letter(setback) for setback in self._manager.setbacks.all()]


def _letter(setback: Setback) -> dict[str, Any]:
    """A document in the form of `engine.follow.dead_letters.DeadLetter`, without a position in the log."""
    command, refusal = setback.entry.command, setback.entry.refusal
    code = refusal.code if refusal is not None else ""
    return {
        "aggregate": command.aggregate,
        "partition": 0,
        "position": 0,
        "version": 0,
        "command": command.id,
        "events": [f"refusal of {wire_tag(type(command))}: {code}"],
        "time_ns": 0,
        "error": setback.error,
        "where": setback.where,
        "attempts": setback.attempts,
        "dead": setback.is_dead,
        "waiting": 0,
    }
