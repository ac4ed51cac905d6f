"""Stations and their cities.

File format (UTF-8 CSV without a header, 2 columns): station, city. Other stations are in the city whose name
is theirs without the direction at its end: 上海虹桥 is not known to be in 上海, but 上海南 is.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from domain_12306.reference.rows import rows_of
from engine import ConfigError

DIRECTIONS = "东西南北"


class Stations:
    """The city of each station. `fingerprint` changes with any change of the content."""

    def __init__(self, cities: Mapping[str, str] | None = None) -> None:
        self._cities = dict(cities or {})

    def city(self, station: str) -> str:
        """The city in which a station is."""
        known = self._cities.get(station)
        if known is None:
            return station[:-1] if len(station) > 2 and station[-1] in DIRECTIONS else station
        return known

    @property
    def fingerprint(self) -> str:
        return hashlib.blake2b(repr(sorted(self._cities.items())).encode(), digest_size=8).hexdigest()


def read_stations(path: str | Path) -> Stations:
    """Reads the file. Raises ConfigError, with its line."""
    cities: dict[str, str] = {}
    with rows_of(path, "the file of stations") as rows:
        for line, row in enumerate(rows, 1):
            if len(row) != 2 or not all(row):
                raise ConfigError("a station has a name and a city", path=path, line=line)
            if cities.setdefault(row[0], row[1]) != row[1]:
                text = f"{row[0]} is in {cities[row[0]]} already"
                raise ConfigError(text, path=path, line=line)
    return Stations(cities)
