"""Stored events of old versions are lifted when they are read; what cannot be read is named in one line."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine import (
    Aggregate,
    ApplicationMessage,
    Command,
    ConfigError,
    Engine,
    Event,
    applies,
    handles,
)
from engine.base.errors import CorruptData
from engine.wire.log import RecordDecoder, Unread, record_decoder


class Open(Command, name="account.open"):
    pass


class Opened(Event, name="account.opened", version=3):
    owner: str
    cents: int
    tags: dict[int, str] | None = None


class Closed(Event, name="account.closed"):
    pass


class Told(ApplicationMessage, name="owner.told", version=2):
    text: str


class Account(Aggregate):
    @handles(Open, exists="may")
    def open(self, command: Open) -> None:
        return None

    @applies(Opened)
    def _opened(self, event: Opened) -> None: ...

    @applies(Closed)
    def _closed(self, event: Closed) -> None: ...


def bank(*, second: Callable[[dict[str, Any]], Any] | None = None) -> Engine:
    app = Engine("bank")
    app.aggregate(Account)
    app.message(Told)

    @app.upcaster("account.opened", 1, 2)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return {"owner": old["name"], "euros": old["euros"]}

    @app.upcaster("account.opened", 2, 3)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return second(old) if second else {"owner": old["owner"], "cents": 100 * old["euros"]}

    @app.upcaster("owner.told", 1, 2)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return {"text": old["words"]}

    app.check()
    return app


def record(*events: dict[str, Any], first: int = 7) -> bytes:
    """One commit an event."""
    return msgspec.json.encode(
        (first, [("a", n, f"{n:032x}", n, 1000 + n, [event]) for n, event in enumerate(events, 1)])
    )


def events(decoder: RecordDecoder, stored: bytes) -> list[Any]:
    _, commits = decoder.decode(stored)
    return [event for commit in commits for event in commit.events]


FIRST = {"type": "account.opened", "name": "Ada", "euros": 3}
SECOND = {"type": "account.opened@2", "owner": "Ben", "euros": 4}
THIRD = {"type": "account.opened@3", "owner": "Cy", "cents": 5, "tags": {"1": "x"}}


def test_events_of_every_version_are_read_as_the_one_that_is_applied() -> None:
    assert events(record_decoder(bank()), record(FIRST, SECOND, THIRD)) == [
        Opened(owner="Ada", cents=300),
        Opened(owner="Ben", cents=400),
        Opened(owner="Cy", cents=5, tags={1: "x"}),
    ]


def test_a_commit_of_old_and_new_events_keeps_all_else() -> None:
    mixed = [THIRD, FIRST, {"type": "account.closed"}]
    stored = msgspec.json.encode((4, [("a", 9, "c" * 32, 5, 6, mixed, 1, "d" * 32, "e" * 32)]))
    first, (commit,) = record_decoder(bank()).decode(stored)
    assert first == 4
    assert msgspec.structs.astuple(commit) == (
        "a",
        9,
        "c" * 32,
        5,
        6,
        [Opened(owner="Cy", cents=5, tags={1: "x"}), Opened(owner="Ada", cents=300), Closed()],
        1,
        "d" * 32,
        "e" * 32,
    )


def test_an_application_message_is_lifted_too() -> None:
    stored = record({"type": "owner.told", "words": "hello"})
    assert events(record_decoder(bank()), stored) == [Told(text="hello")]


def test_a_slim_class_is_filled_from_the_version_that_it_has() -> None:
    class Slim(Event, name="account.opened", version=3):
        cents: int

    decoder = record_decoder(bank(), {Slim})
    assert events(decoder, record(FIRST, SECOND, THIRD)) == [Slim(cents=c) for c in (300, 400, 5)]


def test_old_events_that_a_reader_takes_no_notice_of_are_not_lifted() -> None:
    def never(_: dict[str, Any]) -> Any:
        raise AssertionError

    decoder = record_decoder(bank(second=never), {Closed})
    found = events(decoder, record(FIRST, {"type": "account.closed"}, SECOND))
    assert isinstance(found[0], Unread)
    assert found[1] == Closed()
    assert isinstance(found[2], Unread)


def test_one_entry_of_a_record_can_be_decoded_alone() -> None:
    (_, (entry,)) = msgspec.json.decode(record(FIRST), type=tuple[int, list[msgspec.Raw]])
    assert record_decoder(bank()).commit(entry, 7).events == [Opened(owner="Ada", cents=300)]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"type": "account.frozen"}, ["does not know", "event=account.frozen", "position=8", "aggregate=a"]),
        ({"type": "account.opened@4"}, ["does not know", "event=account.opened@4", "position=8"]),
        ({"no": "type"}, ["does not know", "position=8"]),
        (
            {"type": "account.opened@3", "owner": "x"},
            ["does not fit", "cents", "position=8", "and an upcaster"],
        ),
        ({"type": "account.opened@2", "owner": 5, "euros": 1}, ["does not fit", "position=8", "str"]),
        ({"type": "account.opened@2", "owner": "x"}, ["upcaster failed", "position=8", "KeyError: 'euros'"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value.get("type", "no type")),
)
def test_what_cannot_be_read_is_named_in_one_line(event: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        record_decoder(bank()).decode(record(FIRST, event))
    text = str(caught.value)
    assert [word for word in words if word not in text] == []
    assert "\n" not in text


def test_an_upcaster_that_gives_no_dictionary_is_named() -> None:
    with pytest.raises(ConfigError, match=r"gives NoneType, no dict"):
        record_decoder(bank(second=lambda old: None)).decode(record(SECOND))


def test_an_entry_that_is_no_entry_is_corrupt() -> None:
    with pytest.raises(CorruptData, match=r"malformed.*position=3"):
        record_decoder(bank()).decode(b'[3,[["a","not a version"]]]')
