"""The departure board: which trains go from one station to another on a date."""

from collections.abc import Iterable, Iterator
from datetime import date as Date
from datetime import timedelta

from domain_12306.reference.plan import Plan
from domain_12306.reference.stations import Stations
from domain_12306.reference.timetable import DAY, MAX_DAYS
from domain_12306.views.answers import Journey


class Board:
    """The trains that call at each station, each with the plans that it has had."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations
        self._of_city: dict[str, list[str]] = {}
        self._calls: dict[str, dict[str, dict[int, Plan]]] = {}
        self._last: dict[str, Plan] = {}  # by train: mostly the next run has the same

    def add(self, train: str, plan: Plan) -> None:
        """Adds a run of the train with this plan."""
        if plan is self._last.get(train):
            return
        self._last[train] = plan
        for station in plan.stations:
            if station not in self._calls:
                self._of_city.setdefault(self._stations.city(station), []).append(station)
            self._calls.setdefault(station, {}).setdefault(train, {})[id(plan)] = plan

    @property
    def stations(self) -> Iterable[str]:
        """Every station at which a train calls."""
        return self._calls

    def find(self, journey: Journey) -> Iterator[tuple[str, str, Plan, int, int]]:
        """(train, origin date, plan, boarding stop, last stop) of the runs that may exist and make the
        journey on its date."""
        try:
            day = Date.fromisoformat(journey.date)
            dates = [(day - timedelta(days=k)).isoformat() for k in range(MAX_DAYS)]
        except (ValueError, OverflowError):
            return
        for board in self._meant(journey.board, journey.city):
            for alight in self._meant(journey.alight, journey.city):
                for train, plan, a, b in self._between(board, alight):
                    yield train, dates[plan.stops[a][2] // DAY], plan, a, b

    def _meant(self, name: str, is_city: bool) -> list[str]:
        return self._of_city.get(name, []) if is_city else [name]

    def _between(self, board: str, alight: str) -> Iterator[tuple[str, Plan, int, int]]:
        arriving = self._calls.get(alight, {})
        for train, plans in self._calls.get(board, {}).items():
            if train in arriving:
                for plan in plans.values():
                    a, b = plan.index[board], plan.index.get(alight, -1)
                    if a < b:
                        yield train, plan, a, b
