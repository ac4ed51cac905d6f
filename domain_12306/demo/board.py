"""The most wanted journey of the day, and its departure board before and after the sale."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from domain_12306.demo.screen import table
from domain_12306.reference.timetable import DAY, Timetable
from domain_12306.seating.seats import CLASS_NAMES
from domain_12306.workload.demand import Demand
from engine import Client

VIEW = "remaining"
SAMPLE = 30_000  # wishes looked at to find the journey
ROWS = 10

ENGLISH = {
    "9": "business",
    "P": "premier",
    "D": "select first",
    "M": "first",
    "O": "second",
    "S": "second compartment",
    "6": "deluxe sleeper",
    "A": "deluxe berth",
    "4": "soft sleeper",
    "3": "hard sleeper",
    "2": "soft seat",
    "1": "hard seat",
}

Entry = dict[str, Any]
"""As the view's query `remaining` answers: train, date, depart, arrive, remaining by class."""


@dataclass(frozen=True)
class Journey:
    """From a station to another on a day. `wanted`: train → passengers of the sample who want it."""

    board: str
    alight: str
    date: str
    wanted: dict[str, int]

    @property
    def title(self) -> str:
        """For a heading."""
        return f"{self.board} → {self.alight} on {self.date}"


def most_wanted(demand: Demand, timetable: Timetable, date: str) -> Journey:
    """The journey that most passengers of a sample want, over all trains. Draws from `demand`."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    departs = {
        train: {stop.station: stop.depart for stop in timetable.trains[train]} for train in demand.trains
    }
    for _ in range(SAMPLE):
        wish = demand.draw()
        train = wish.aggregate.partition("/")[0]
        if departs[train][wish.board] < DAY:  # later stops are on another day's board
            counts.setdefault((wish.board, wish.alight), Counter())[train] += wish.party
    (board, alight), trains = max(counts.items(), key=lambda item: (item[1].total(), item[0]))
    return Journey(board, alight, date, dict(trains))


def ask(client: Client, journey: Journey) -> list[Entry]:
    """The board as the view answers it, without trains that left their origin on an earlier day."""
    question = {"board": journey.board, "alight": journey.alight, "date": journey.date}
    return [entry for entry in client.query(VIEW, "remaining", question) if entry["date"] == journey.date]


def draw(journey: Journey, entries: list[Entry], before: list[Entry] | None = None) -> list[str]:
    """Lines of the board, the most wanted trains only. With `before`, each number says what it was."""
    wanted = sorted(entries, key=lambda entry: (-journey.wanted.get(entry["train"], 0), entry["train"]))
    shown = sorted(wanted[:ROWS], key=lambda entry: (entry["depart"], entry["train"]))
    codes = [code for code in CLASS_NAMES if any(code in entry["remaining"] for entry in shown)]
    earlier = {entry["train"]: entry["remaining"] for entry in before or []}
    rows = [["train", "leaves", "arrives", *(ENGLISH.get(code, CLASS_NAMES[code]) for code in codes)]]
    for entry in shown:
        left, was = entry["remaining"], earlier.get(entry["train"], {})
        cells = [_cell(left, was, code) for code in codes]
        rows.append([entry["train"], entry["depart"], entry["arrive"], *cells])
    lines = table(rows, left=1)
    if len(entries) > len(shown):
        lines.append(f"and {len(entries) - len(shown):,} more trains")
    return lines


def _cell(left: dict[str, int], was: dict[str, int], code: str) -> str:
    if code not in left:
        return "-"
    now = f"{left[code]:,}" if left[code] else "none"
    return f"{was[code]:,} → {now:>5}" if code in was else now
