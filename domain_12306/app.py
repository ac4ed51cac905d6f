"""The application "railway", which a node runs unless another one is named."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain_12306.aggregates.account import Account
from domain_12306.aggregates.itinerary import Itinerary
from domain_12306.aggregates.order import Order
from domain_12306.aggregates.train_run import TrainRun
from domain_12306.managers.booking import BookingProcess
from domain_12306.reference.builtin_timetable import built_in_timetable
from domain_12306.reference.coaches import Compositions, read_compositions
from domain_12306.reference.stations import Stations, read_stations
from domain_12306.reference.timetable import Timetable, read_timetable
from domain_12306.rules.opening import opening_of
from domain_12306.rules.times import AT_REST, RUN_AT_REST
from domain_12306.seating.policy import policy_named
from domain_12306.views.inventory import ALONE, SeatInventory
from domain_12306.views.orders import Orders
from domain_12306.workers.calendar import Calendar
from domain_12306.workers.payments import Payments
from domain_12306.workers.simulated import SimulatedProvider, manners_of
from engine import ConfigError, Engine, Vault

SETTINGS = ("calendar", "coaches", "opening", "policy", "provider", "stations", "timetable")


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
    """Builds the whole railway. Settings, all optional, empty meaning absent: `timetable`, `coaches` and
    `stations` are paths, `policy` is one of best-fit, first-fit, worst-fit, random:SEED, `provider` says how
    the simulated provider of payments behaves, `calendar` is on or off, `opening` says when stations begin to
    sell a day, as in `08:00,北京南=10:30`.

    With the calendar on, timetable and coaches are in the commands that it sends. So they are read where it
    works, and checked once at the start; nothing else depends on them. Raises ConfigError."""
    stations = read_stations(settings["stations"]) if settings.get("stations") else Stations()
    if calendar_is_on(settings):
        app = app_of(settings, Reference(Timetable({}, ""), Compositions({})), "by-calendar", stations)
        app.worker(factory=lambda: Calendar(*reference_data(settings)))(Calendar)
        app.at_start(lambda: reference_data(settings))
    else:
        app = seats(settings, stations)
    app.fingerprint += f"-{stations.fingerprint}"
    opening = opening_of(settings.get("opening", ""))
    if opening.text:
        app.fingerprint += f"-{opening.text}"
    itinerary = type("Itinerary", (Itinerary,), {"stations": stations})
    for cls in (type("Order", (Order,), {"opening": opening}), Account, itinerary):
        app.aggregate(idle_s=AT_REST.total_seconds())(cls)
    app.process_manager()(BookingProcess)
    app.projection()(Orders)
    manners = manners_of(settings.get("provider", ""))

    def provider_in(folder: Path, now: Callable[[], datetime]) -> SimulatedProvider:
        return SimulatedProvider(folder, manners, now=now)

    app.worker(factory=lambda: Payments(provider_in))(Payments)
    app.worker()(Vault)
    return app


def calendar_is_on(settings: Mapping[str, str]) -> bool:
    """Whether trains are put on sale by themselves. Raises ConfigError."""
    wanted = settings.get("calendar") or "on"
    if wanted not in ("on", "off"):
        raise ConfigError("the calendar is on or off", calendar=wanted)
    return wanted == "on"


def seats(settings: Mapping[str, str], stations: Stations = ALONE) -> Engine:
    """Builds the part that sells seats, without orders and money, with the same settings. Trains are opened
    by their names alone. Raises ConfigError."""
    reference = reference_data(settings)
    prints = f"{reference.timetable.fingerprint}-{reference.compositions.fingerprint}"
    return app_of(settings, reference, prints, stations)


def app_of(settings: Mapping[str, str], reference: Reference, prints: str, stations: Stations) -> Engine:
    """The part that sells seats. `prints`: of the reference data on which its decisions depend."""
    for name in settings:
        if name not in SETTINGS:
            raise ConfigError(f"application railway has no setting {name}", known=", ".join(SETTINGS))
    policy_name = settings.get("policy") or "best-fit"

    # A class of its own, so that two apps in one process can run on different timetables.
    own = {**reference._asdict(), "policy": policy_named(policy_name)}
    app = Engine("railway")
    app.fingerprint = f"{prints}-{policy_name}"
    run = type("TrainRun", (TrainRun,), {"__slots__": (), **own})
    app.aggregate(idle_s=RUN_AT_REST.total_seconds())(run)
    app.projection(factory=lambda: SeatInventory(stations))(SeatInventory)
    return app
