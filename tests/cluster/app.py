"""Ticket selling in two versions: the newer one sells no seats to groups."""

from collections.abc import Mapping
from typing import Any

from domain_12306.app import seats
from domain_12306.messages import ReserveSeats
from engine import Engine, reject

SETTINGS = ("groups",)
GROUP = 3  # passengers
NO_GROUPS = "no-groups"


def create(settings: Mapping[str, str]) -> Engine:
    """The application; with the setting `groups` = "no" the newer version of it."""
    app = seats({})
    if settings.get("groups") == "no":
        before = app.handlers[ReserveSeats]
        reserve: Any = before.method

        def without_groups(run: Any, command: ReserveSeats, *stamp: Any) -> Any:
            if len(command.passengers) >= GROUP:
                return reject(NO_GROUPS)
            return reserve(run, command, *stamp)

        app.handlers[ReserveSeats] = before._replace(method=without_groups)
    return app
