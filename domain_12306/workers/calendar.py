"""The sales calendar: trains are put on sale as their days enter the presale window, and closed once they
have arrived.

    days/2026-11-25    the trains of that day, a line each, once all of them are on sale

A day's trains, with stops, coaches and fares, are in the commands that open them. So the timetable is no part
of what later decisions depend on, and a new one is for new days only. The id of a command follows from its
run: a day that was opened in part, when the process died, is opened again without effect on that part.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from domain_12306.messages import CloseRun, OpenRun
from domain_12306.reference.coaches import Compositions, totals
from domain_12306.reference.timetable import MAX_DAYS, Timetable
from domain_12306.rules.times import PRESALE_DAYS, day_of
from engine import CorruptData, Fault, Tell, Worker, every, id_from, query
from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import NEW, read_note, replace_note

LOOK_S = 1.0  # between two looks at the clock


class Calendar(Worker, name="calendar", patience_s=600.0):
    """Keeps the presale window full, by the clock of the node."""

    def __init__(self, timetable: Timetable, compositions: Compositions) -> None:
        self._timetable, self._compositions = timetable, compositions

    def open(self, folder: Path) -> None:
        self._days = folder / "days"
        self._days.mkdir(mode=0o700, exist_ok=True)
        for left in self._days.glob(f"*{NEW}"):
            left.unlink()  # of a day that a kill cut short
        self._looked_on: date | None = None
        self._plans: dict[str, dict[str, Any]] = {}

    @every(seconds=LOOK_S)
    def look(self, tell: Tell) -> None:
        """On a new day, and at the start: opens what is missing and closes what has arrived."""
        today = day_of(self.now())
        if today == self._looked_on:
            return
        on_sale = [(today + timedelta(days=k)).isoformat() for k in range(PRESALE_DAYS)]
        arrived = (today - timedelta(days=MAX_DAYS)).isoformat()
        for day in on_sale:
            if not (self._days / day).exists():
                self._open(day, tell)
        for path in sorted(self._days.iterdir()):  # last, so that one that is damaged keeps no day from sale
            if path.name <= arrived:
                self._close(path, tell)
        self._looked_on = today

    @query
    def days(self) -> list[str]:
        """The days of which all trains are on sale, or have been and have not arrived yet."""
        return sorted(path.name for path in self._days.iterdir() if _is_date(path.name))

    def _open(self, day: str, tell: Tell) -> None:
        trains = list(self._timetable.trains)
        answers = tell.many([self._opening(train, day) for train in trains])
        replace_note(self._days / day, "".join(f"{train}\n" for train in trains).encode())
        for train, answer in zip(trains, answers, strict=True):
            if answer is not None and answer.code != "already-exists":
                # The day stands as it is: asked again, the same would come of it.
                raise Fault("a train is not on sale", train=train, day=day, code=answer.code)

    def _opening(self, train: str, day: str) -> OpenRun:
        run, plan = f"{train}/{day}", self._plans.get(train)
        if plan is None:
            coaches = self._compositions.of_train(train)
            fares = self._timetable.fares(train, totals(coaches or []))
            plan = {"composition": coaches, "stops": self._timetable.stop_list(train), "fares": fares}
            self._plans[train] = plan
        return OpenRun(run, **plan, id=id_from(f"open {run}"))

    def _close(self, path: Path, tell: Tell) -> None:
        try:
            trains = read_note(path).decode().split("\n")[:-1]
        except NOT_DECODABLE as error:
            hint = "remove it: its trains stay in memory, and nothing else is lost"
            raise CorruptData("a day of the calendar is damaged", path=path, error=error, hint=hint) from None
        runs = [f"{train}/{path.name}" for train in trains]
        tell.many([CloseRun(run, id=id_from(f"close {run}")) for run in runs])
        path.unlink()


def _is_date(name: str) -> bool:
    return len(name) == 10
