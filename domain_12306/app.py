"""The application "railway", which a node runs unless another one is named."""

from collections.abc import Mapping
from typing import NamedTuple

from domain_12306.aggregates.train_run import TrainRun
from domain_12306.reference.builtin_timetable import built_in_timetable
from domain_12306.reference.coaches import Compositions, read_compositions
from domain_12306.reference.timetable import Timetable, read_timetable
from domain_12306.seating.policy import policy_named
from domain_12306.views.inventory import SeatInventory
from engine import ConfigError, Engine

SETTINGS = ("coaches", "policy", "timetable")


class Reference(NamedTuple):
    """The data by which trains are opened."""

    timetable: Timetable
    compositions: Compositions


def reference_data(settings: Mapping[str, str]) -> Reference:
    """Reads the files that the settings name; what they do not name is built in. Raises ConfigError."""
    timetable, coaches = settings.get("timetable"), settings.get("coaches")
    return Reference(
        read_timetable(timetable) if timetable else built_in_timetable(),
        read_compositions(coaches) if coaches else Compositions(),
    )


def create(settings: Mapping[str, str]) -> Engine:
    """Builds the app. Settings, all optional, empty meaning absent: `timetable` and `coaches` are paths,
    `policy` is one of best-fit, first-fit, worst-fit, random:SEED. Raises ConfigError."""
    for name in settings:
        if name not in SETTINGS:
            raise ConfigError(f"application railway has no setting {name}", known=", ".join(SETTINGS))
    timetable, compositions = reference_data(settings)
    policy_name = settings.get("policy") or "best-fit"
    policy = policy_named(policy_name)

    # A class of its own, so that two apps in one process can run on different timetables.
    run_class = type(
        "TrainRun",
        (TrainRun,),
        {"__slots__": (), "timetable": timetable, "compositions": compositions, "policy": policy},
    )
    app = Engine("railway")
    app.fingerprint = f"{timetable.fingerprint}-{compositions.fingerprint}-{policy_name}"
    app.aggregate(run_class)
    app.projection("remaining", version=1)(SeatInventory)
    return app
