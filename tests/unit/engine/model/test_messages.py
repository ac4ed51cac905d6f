"""Messages: named explicitly, immutable, told apart by name and version."""

import types

import msgspec
import pytest

from engine import Command, Event
from engine.model.messages import wire_tag


class Open(Command, name="account.open"):
    owner: str
    limit: int = 0


class Opened(Event, name="account.opened", version=2):
    owner: str
    limit: int = 0


class Nameless(Event):
    pass


class Heir(Opened):
    """Has its fields from a named event, but no name of its own."""


def test_a_command_is_one_flat_object_without_what_is_default() -> None:
    command = Open("a-1", owner="Zhang")
    assert msgspec.json.decode(msgspec.json.encode(command)) == {
        "type": "account.open",
        "aggregate": "a-1",
        "owner": "Zhang",
        "id": command.id,
    }


def test_a_later_version_of_an_event_has_it_in_its_name() -> None:
    assert wire_tag(Opened) == "account.opened@2"
    assert msgspec.json.encode(Opened(owner="x")) == b'{"type":"account.opened@2","owner":"x","limit":0}'
    assert (Opened.wire_name, Opened.wire_version) == ("account.opened", 2)


def test_a_message_without_a_name_has_no_wire_tag() -> None:
    for message in (Nameless, Heir):
        with pytest.raises(TypeError, match=f"{message.__name__} has no wire name"):
            wire_tag(message)


def test_every_command_object_has_an_id_of_its_own_made_once() -> None:
    first, second = Open("a", owner="x"), Open("a", owner="x")
    assert first.id == first.id < second.id
    assert Open("a", owner="x", id=first.id) == first


@pytest.mark.parametrize("message", [Open("a", owner="x"), Opened(owner="x")])
def test_messages_are_immutable(message: Command | Event) -> None:
    with pytest.raises(AttributeError):
        message.owner = "y"  # type: ignore[union-attr]


def test_the_aggregate_comes_first_and_everything_else_by_name() -> None:
    assert Open("a", owner="x", expected_version=3).expected_version == 3
    with pytest.raises(TypeError, match="owner"):
        Open("a")  # type: ignore[call-arg]


@pytest.mark.parametrize("field", ["id", "expected_version", "correlation", "causation", "wait"])
def test_a_field_of_every_command_cannot_be_defined_anew(field: str) -> None:
    def define(body: dict[str, object]) -> None:
        body["__annotations__"] = {field: int}

    with pytest.raises(TypeError, match=f"Odd.{field}: every command has this field"):
        types.new_class("Odd", (Command,), {"name": "odd"}, define)
