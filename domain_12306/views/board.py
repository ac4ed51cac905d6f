"""The departure board: which trains go from one station to another on a date."""

from collections.abc import Iterator
from datetime import date as Date
from datetime import timedelta

from domain_12306.reference.plan import Plan
from domain_12306.reference.timetable import DAY, MAX_DAYS
from domain_12306.views.answers import Journey


class Board:
    """The trains that call at each station, each with the plans that it has had."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, dict[int, Plan]]] = {}
        self._last: dict[str, Plan] = {}  # by train: mostly the next run has the same

    def add(self, train: str, plan: Plan) -> None:
        """Adds a run of the train with this plan."""
        if plan is self._last.get(train):
            return
        self._last[train] = plan
        for station in plan.stations:
            self._calls.setdefault(station, {}).setdefault(train, {})[id(plan)] = plan

    def find(self, journey: Journey) -> Iterator[tuple[str, str, Plan]]:
        """(train, origin date, plan) of the runs that may exist and make the journey on its date."""
        try:
            day = Date.fromisoformat(journey.date)
            dates = [(day - timedelta(days=k)).isoformat() for k in range(MAX_DAYS)]
        except (ValueError, OverflowError):
            return
        arriving = self._calls.get(journey.alight, {})
        for train, plans in self._calls.get(journey.board, {}).items():
            if train not in arriving:
                continue
            for plan in plans.values():
                a = plan.index[journey.board]
                if a < plan.index.get(journey.alight, -1):
                    yield train, dates[plan.stops[a][2] // DAY], plan
