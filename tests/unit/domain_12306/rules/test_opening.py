"""When stations begin to sell a day."""

from datetime import datetime, timedelta

import pytest

from domain_12306.rules.opening import Opening, opening_of
from domain_12306.rules.times import CHINA
from engine import ConfigError

DEPARTS = datetime(2026, 11, 25, 23, 59, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("setting", "station", "begins"),
    [
        ("", "北京南", datetime(2026, 11, 11, 0, 0, tzinfo=CHINA)),
        ("08:00", "北京南", datetime(2026, 11, 11, 8, 0, tzinfo=CHINA)),
        ("08:00,北京南=10:30", "北京南", datetime(2026, 11, 11, 10, 30, tzinfo=CHINA)),
        (" 北京南 = 10:30 , 08:00 ", "天津", datetime(2026, 11, 11, 8, 0, tzinfo=CHINA)),
        ("北京南=10:30", "天津", datetime(2026, 11, 11, 0, 0, tzinfo=CHINA)),
    ],
)
def test_the_fifteenth_day_is_on_sale_from_the_time_of_the_station(
    setting: str, station: str, begins: datetime
) -> None:
    assert opening_of(setting).begins(station, DEPARTS) == begins


def test_a_day_is_that_on_which_passengers_board() -> None:
    opening = opening_of("08:00")
    later = DEPARTS + timedelta(minutes=1)
    assert opening.begins("a", later) - opening.begins("a", DEPARTS) == timedelta(days=1)


@pytest.mark.parametrize("setting", ["8:00", "24:00", "08:60", "北京南", "=08:00", "北京南=", "08:00;09:00"])
def test_a_time_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="begin to sell"):
        opening_of(setting)


@pytest.mark.parametrize("setting", ["", "08:00", "08:00,上海=09:00,北京南=10:30"])
def test_the_setting_can_be_told_from_what_it_says(setting: str) -> None:
    opening = opening_of(setting)
    assert opening.text == setting
    assert opening_of(opening.text).text == setting
    assert Opening().text == "" == opening_of("00:00,a=00:00").text
