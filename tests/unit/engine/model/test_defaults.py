"""Defaults: what is stored does not change with them."""

from typing import Any

import msgspec
import pytest

from engine import Aggregate, Command, Engine, Event, applies, handles
from engine.base.errors import ConfigError
from engine.model.defaults import defaults_of
from engine.wire.log import encode_record, record_decoder


class Point(msgspec.Struct):
    x: int = 0


class Sparse(msgspec.Struct, omit_defaults=True):
    x: int = 0


class Move(Command, name="defaults.move"):
    by: int = 1
    marks: list[str] = msgspec.field(default_factory=list)


def application(event: type[Event]) -> Engine:
    class Thing(Aggregate):
        @handles(Move)
        def move(self, command: Move) -> Any: ...

        @applies(event)
        def _moved(self, event: Any) -> None: ...

    return Engine("defaults", aggregates=[Thing])


def test_what_is_stored_says_the_same_after_a_default_has_changed() -> None:
    def moved(default: int) -> Any:
        class Moved(Event, name="defaults.moved"):
            by: int = default
            at: Point = msgspec.field(default_factory=Point)

        return Moved

    before, after = moved(1), moved(2)
    stored = encode_record((1, [("a", 1, "0" * 32, 1, 0, [before()], None)]))
    _, (commit,) = record_decoder(application(after)).decode(stored)
    assert (commit.events[0].by, commit.events[0].at) == (1, Point(0))


def test_an_event_whose_defaults_are_left_out_is_refused_at_the_start() -> None:
    class Omitting(Event, name="defaults.omitting", omit_defaults=True):
        by: int = 1

    class Holding(Event, name="defaults.holding"):
        points: dict[str, list[Sparse] | None]

    with pytest.raises(ConfigError, match=r"^Omitting leaves its defaults out"):
        application(Omitting).check()
    with pytest.raises(ConfigError, match=r"^Sparse, which is a part of Holding, leaves its defaults out"):
        application(Holding).check()


def test_the_defaults_of_commands_are_told_by_value() -> None:
    lines = list(defaults_of([Move]))
    assert "defaults.move.by = 1" in lines
    assert "defaults.move.marks = list()" in lines
    assert "defaults.move.id = uuid7_hex()" in lines


def test_a_field_of_a_command_that_may_be_left_out_has_a_line_too() -> None:
    class Rename(Command, name="defaults.rename"):
        to: str | msgspec.UnsetType = msgspec.UNSET

    assert "defaults.rename.to is left out" in list(defaults_of([Rename]))
