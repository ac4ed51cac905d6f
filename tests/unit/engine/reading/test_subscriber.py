"""A subscriber gets everything at least once, in order, with ids, and goes on where it stopped."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

import engine.reading.subscriber
import engine.reading.tail
from engine import ApplicationMessage, ConfigError, Delivery, Engine, Event, Subscriber
from engine.base.errors import CorruptData, Fault, Locked
from engine.store.entries import entries_in
from engine.testing.inline import InlineEngine
from examples import sink
from tests.unit.engine.reading.writing import Store, storing

Events = list[dict[str, Any]]


class Told(ApplicationMessage, name="owner.told", version=2):
    text: str


class Slim(Event, name="sample.added"):
    pass


def told(*texts: str) -> Events:
    return [{"type": "owner.told@2", "text": text} for text in texts]


def other() -> Events:
    return [{"type": "sample.added", "number": 1}]


def texts(messages: list[Delivery]) -> list[str]:
    return [message.event.text for message in messages]


def all_of(subscriber: Subscriber) -> list[Delivery]:
    found: list[Delivery] = []
    while taken := subscriber.take(0, most=3):
        found += taken
    return found


def fill(store: Store) -> None:
    """Seven messages over two partitions, among other events."""
    store.put((0, "a", other()), (0, "a", told("1")), (1, "b", told("2")), (0, "a", other()))
    store.put((0, "a", [*other(), *told("3", "4")]), (1, "b", other()), (1, "b", told("5")))
    store.put((0, "c", told("6", "7")), (0, "c", other()))


def test_messages_come_in_the_order_of_their_partition_under_ids_that_stay(tmp_path: Path) -> None:
    with storing(tmp_path / "data", 2) as store:
        fill(store)
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            first = all_of(subscriber)
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            again = all_of(subscriber)  # nothing was acknowledged
    assert sorted(first, key=lambda m: m.id) == sorted(again, key=lambda m: m.id)
    assert [m.event.text for m in first if m.partition == 0] == ["1", "3", "4", "6", "7"]
    assert [m.event.text for m in first if m.partition == 1] == ["2", "5"]
    assert len({m.id for m in first}) == 7
    three, four = (next(m for m in first if m.event.text == text) for text in "34")
    assert (three.id[:-2], three.id[-2:], four.id[-2:]) == (four.id[:-2], "-1", "-2")
    assert (three.type, three.aggregate, three.version, three.position) == ("owner.told@2", "a", 4, 4)


@pytest.mark.parametrize("dealt_with", range(8))
def test_after_a_restart_exactly_what_was_not_acknowledged_comes(tmp_path: Path, dealt_with: int) -> None:
    with storing(tmp_path / "data", 2) as store:
        fill(store)
        done: list[Delivery] = []
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            for message in subscriber:
                if len(done) == dealt_with:
                    break
                done.append(message)
                subscriber.ack(message)
                if len(done) == 7:
                    break
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            rest = all_of(subscriber)
            assert sorted(texts(done) + texts(rest)) == list("1234567")
            subscriber.ack()
            assert subscriber.take(0) == []
            store.put((1, "b", told("8")))
            assert texts(subscriber.take(5)) == ["8"]


def test_to_acknowledge_a_message_is_to_acknowledge_those_before_it_in_its_partition_only(
    tmp_path: Path,
) -> None:
    with storing(tmp_path / "data", 2) as store:
        fill(store)
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            subscriber.ack(next(m for m in all_of(subscriber) if m.event.text == "4"))
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            assert sorted(texts(all_of(subscriber))) == list("2567")


def test_names_give_dictionaries_of_every_version_and_classes_only_their_own(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", [{"type": "owner.told", "words": "old"}, *told("new"), *other()]))
        with Subscriber(tmp_path / "data", "by-name", ["owner.told"]) as subscriber:
            assert [m.event for m in subscriber.take(0)] == [
                {"type": "owner.told", "words": "old"},
                {"type": "owner.told@2", "text": "new"},
            ]
        with Subscriber(tmp_path / "data", "by-class", [Told, Slim]) as subscriber:
            assert [m.event for m in subscriber.take(0)] == [Told(text="new"), Slim()]


def test_with_the_application_old_messages_are_lifted_to_the_class(tmp_path: Path) -> None:
    app = Engine("sample")
    app.message(Told)

    @app.upcaster("owner.told", 1, 2)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return {"text": old["words"]}

    with storing(tmp_path / "data") as store:
        store.put((0, "a", [{"type": "owner.told", "words": "old"}, *told("new")]))
        with Subscriber(tmp_path / "data", "mail", [Told], app=app) as subscriber:
            found = subscriber.take(0)
    assert texts(found) == ["old", "new"]
    assert [m.type for m in found] == ["owner.told", "owner.told@2"]


def test_what_cannot_be_read_is_never_passed_over(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", told("1")), (0, "a", [{"type": "owner.told@2", "text": 5}]), (0, "a", told("3")))
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            assert texts(subscriber.take(0)) == ["1"]
            for _ in range(2):
                with pytest.raises(ConfigError, match=r"does not fit.*position=2"):
                    subscriber.take(0)
            subscriber.ack()
        with Subscriber(tmp_path / "data", "mail", [Told]) as again:
            for _ in range(2):
                with pytest.raises(ConfigError, match="position=2"):
                    again.take(0)


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_disk_that_fails_while_reading_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    calls = 0

    def failing(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError("bad sector")
        return entries_in(*arguments, **more)

    with storing(tmp_path / "data", 2) as store:
        fill(store)
        monkeypatch.setattr(engine.reading.tail, "entries_in", failing)
        found: list[Delivery] = []
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            for _ in range(2):
                with contextlib.suppress(OSError):
                    found += subscriber.take(0)
    assert calls > nth
    assert sorted(texts(found)) == list("1234567")


def test_a_new_name_may_begin_now(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", told("old")))
        for _ in range(2):  # the second time it is no longer new
            with Subscriber(tmp_path / "data", "mail", [Told], since="now") as subscriber:
                store.put((0, "a", told("new")))
                assert set(texts(subscriber.take(5))) == {"new"}


def test_where_nothing_is_wanted_for_long_the_cursor_moves_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.reading.subscriber, "LAG", 10)
    with storing(tmp_path / "data") as store:
        store.put((0, "a", told("1")))
        cursor = tmp_path / "data" / "subscribers" / "mail.json"
        with Subscriber(tmp_path / "data", "mail", [Told]) as subscriber:
            assert texts(subscriber.take(0)) == ["1"]
            store.put(*[(0, "a", other())] * 20)
            assert subscriber.take(0) == []
            assert '"next":[[1,0]]' in cursor.read_text()  # not past what is not acknowledged
            subscriber.ack()
            store.put(*[(0, "a", other())] * 20)
            assert subscriber.take(0) == []
            assert '"next":[[42,0]]' in cursor.read_text()


def test_a_name_has_one_process_at_a_time(tmp_path: Path) -> None:
    with storing(tmp_path / "data"):
        with Subscriber(tmp_path / "data", "mail", [Told]), pytest.raises(Locked, match="this subscription"):
            Subscriber(tmp_path / "data", "mail", [Told])
        Subscriber(tmp_path / "data", "mail", [Told]).close()


@pytest.mark.parametrize("text", ["", "{}", '{"format":1,"next":[]}', '{"format":2,"next":[[1,0]]}', "[1"])
def test_a_damaged_cursor_is_named_and_not_guessed(tmp_path: Path, text: str) -> None:
    with storing(tmp_path / "data"):
        folder = tmp_path / "cursors"
        folder.mkdir()
        (folder / "mail.json").write_text(text)
        for _ in range(2):  # the lock was given back
            with pytest.raises(CorruptData, match=r"cursor is damaged.*mail\.json"):
                Subscriber(tmp_path / "data", "mail", [Told], folder=folder)


def test_a_cursor_that_cannot_be_kept_is_said_and_the_one_before_stays(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        store.put((0, "a", told("1")))
        folder = tmp_path / "cursors"
        with Subscriber(tmp_path / "data", "mail", [Told], folder=folder) as subscriber:
            before = (folder / "mail.json").read_text()
            (folder / "mail.json.new").mkdir()  # where the next one would be written
            subscriber.take(0)
            with pytest.raises(Fault, match="cannot be kept"):
                subscriber.ack()
            assert (folder / "mail.json").read_text() == before
            (folder / "mail.json.new").rmdir()
            subscriber.ack()
            assert (folder / "mail.json").read_text() != before


def test_a_name_whose_cursor_could_not_be_begun_is_free_again(tmp_path: Path) -> None:
    with storing(tmp_path / "data"):
        folder = tmp_path / "cursors"
        (folder / "mail.json.new").mkdir(parents=True)
        with pytest.raises(Fault, match="cannot be kept"):
            Subscriber(tmp_path / "data", "mail", [Told], folder=folder)
        (folder / "mail.json.new").rmdir()
        Subscriber(tmp_path / "data", "mail", [Told], folder=folder).close()


def test_types_that_would_bring_nothing_are_refused(tmp_path: Path) -> None:
    class Nameless(Event):
        pass

    class Old(ApplicationMessage, name="owner.told"):
        words: str

    app = Engine("sample")
    app.message(Told)
    with storing(tmp_path / "data"):
        for types, words in (
            ([], "at least one type"),
            ([Nameless], "no wire name"),
            ([Told, Old], "event=owner.told"),
        ):
            with pytest.raises(ConfigError, match=words):
                Subscriber(tmp_path / "data", "mail", types, app=app)


@pytest.mark.parametrize("name", ["", "a b", "../x", "-"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with storing(tmp_path / "data"), pytest.raises(ConfigError, match="subscriber's name"):
        Subscriber(tmp_path / "data", name, [Told])


def test_on_the_inline_engine_messages_come_over_its_restarts(tmp_path: Path) -> None:
    node = InlineEngine(sink.app, tmp_path / "data", partitions=2)
    try:
        with Subscriber(node.data, "mail", [sink.ReceiptIssued], app=node.app) as subscriber:
            for n in range(6):
                assert node.send(sink.PlaceOrder(f"order-{n}", buyer="ada", cents=n)).ok
                (message,) = subscriber.take(5)
                assert message.event.text == f"order-{n}: {n / 100:.2f}"
                if n % 2:
                    node.restart(kill=n == 3)
            subscriber.ack()
    finally:
        node.close()
    with Subscriber(tmp_path / "data", "mail", [sink.ReceiptIssued]) as subscriber:
        assert subscriber.take(0) == []
