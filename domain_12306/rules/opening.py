"""When a station begins to sell the last of the days on sale. Each has a time of its own, so that not all of
the country comes at once."""

import re
from collections.abc import Mapping
from datetime import datetime

from domain_12306.reference.timetable import DAY
from domain_12306.rules.times import PRESALE_DAYS, day_of, moment
from engine import ConfigError

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Opening:
    """The times. `others`: of stations that are not named, in minutes after midnight."""

    def __init__(self, others: int = 0, named: Mapping[str, int] | None = None) -> None:
        self.others, self.named = others, dict(named or {})

    def minutes(self, station: str) -> int:
        """The time of a station, in minutes after midnight."""
        return self.named.get(station, self.others)

    def begins(self, board: str, departs: datetime) -> datetime:
        """When journeys from a station that begin at a time are on sale: on the first day on which that day
        is among those on sale, at the station's time."""
        day = day_of(departs).isoformat()
        return moment(day, self.minutes(board) - (PRESALE_DAYS - 1) * DAY)

    @property
    def text(self) -> str:
        """The setting that gives these times, always written the same way; empty for midnight everywhere."""
        if not self.others and not any(self.named.values()):
            return ""
        named = sorted(self.named.items())
        return ",".join([_shown(self.others), *(f"{name}={_shown(at)}" for name, at in named)])


def opening_of(setting: str) -> Opening:
    """What the setting `opening` says, as in `08:00,北京南=10:30`: the time of all stations, and of some.
    Raises ConfigError."""
    others, named = 0, dict[str, int]()
    for part in filter(None, (part.strip() for part in setting.split(","))):
        name, equals, time = part.rpartition("=")
        found = _TIME.fullmatch(time.strip())
        if found is None or (equals and not name.strip()):
            hint = "as in 08:00,北京南=10:30"
            raise ConfigError("a time at which stations begin to sell is wrong", opening=part, hint=hint)
        minutes = 60 * int(found[1]) + int(found[2])
        if equals:
            named[name.strip()] = minutes
        else:
            others = minutes
    return Opening(others, named)


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
