"""Memory: idle aggregates leave it and come back, and no decision shows it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Aggregate, ApplicationMessage, Command, Engine, Event, applies, handles
from engine.base.errors import ConfigError
from engine.core.partition import Partition
from engine.wire.batches import Batch, decode_replies
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section
from tests.unit.engine.core.test_partition import Shelf as AnyShelf

SECOND = 1_000_000_000


class Add(Command, name="memory.add"):
    amount: int


class Greet(Command, name="memory.greet"): ...


class Added(Event, name="memory.added"):
    amount: int


class Greeted(ApplicationMessage, name="memory.greeted"):
    whom: str


class Sum(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.sum = 0

    @handles(Add, exists="may")
    def add(self, command: Add) -> Added | None:
        return Added(command.amount) if command.amount else None

    @handles(Greet, exists="may")
    def greet(self, command: Greet) -> Greeted:
        return Greeted(whom=f"{self.id} of {self.sum}")

    @applies(Added)
    def _added(self, event: Added) -> None:
        self.sum += event.amount


def create(idle_s: float | None) -> Engine:
    app = Engine("sums")
    if idle_s is None:
        app.aggregate(Sum)
    else:
        app.aggregate(idle_s=idle_s)(Sum)
    app.message(Greeted)
    return app


class Shelf(AnyShelf):
    def keep(self, batch: Batch) -> None:
        if batch.log:
            self.commits += record_decoder(create(None)).decode(batch.log)[1]
        self.sequence = batch.last_sequence


class Sums:
    def __init__(self, idle_s: float | None, stores: bool = True) -> None:
        self.shelf = Shelf()
        self.core = Partition(create(idle_s), 0, archive=self.shelf)
        self.stores = stores
        self.log: list[bytes] = []

    def run(self, at_s: int, *commands: Command) -> list[Any]:
        before = self.core.sequence
        body = msgspec.json.encode(commands)
        section = encode_section(before + 1, before, at_s * SECOND, [(b"me", len(commands), body)])
        batch = self.core.process(section)
        if self.stores:
            self.shelf.keep(batch)
        self.log.append(batch.log)
        texts = [text for _, _, text in decode_replies(batch.replies)]
        return [answer for text in texts for answer in msgspec.json.decode(b"[" + text + b"]")]


def test_an_aggregate_that_was_idle_for_too_long_leaves_memory_and_comes_back_with_the_next_command() -> None:
    sums = Sums(idle_s=10)
    sums.run(1, Add("a", amount=5))
    sums.run(5, Add("b", amount=1))
    sums.run(12, Add("b", amount=1))
    assert list(sums.core.aggregates) == ["b"]
    (answer,) = sums.run(13, Add("a", amount=2))
    assert answer["versions"] == [2]
    assert sums.core.aggregates["a"].sum == 7  # type: ignore[attr-defined]


def test_one_that_is_in_use_stays_though_others_leave() -> None:
    sums = Sums(idle_s=10)
    for second in range(30):
        sums.run(second, Add("busy", amount=1), Add(f"once-{second}", amount=1))
    assert "busy" in sums.core.aggregates
    assert len(sums.core.aggregates) <= 12


def test_no_aggregate_leaves_before_its_last_change_is_stored() -> None:
    sums = Sums(idle_s=10, stores=False)
    sums.run(1, Add("a", amount=5))
    sums.run(100, Add("b", amount=5))
    assert set(sums.core.aggregates) == {"a", "b"}


def test_without_a_limit_no_aggregate_leaves() -> None:
    sums = Sums(idle_s=None)
    sums.run(1, Add("a", amount=5))
    sums.run(10**6, Add("b", amount=5))
    assert set(sums.core.aggregates) == {"a", "b"}
    assert sums.shelf.asked == [], "and the store is not asked for any aggregate"


def test_one_that_cannot_be_read_when_it_comes_back_fails_its_commands_alone() -> None:
    sums = Sums(idle_s=10)
    sums.run(1, Add("a", amount=5))
    sums.run(5, Add("b", amount=1))
    sums.run(12, Add("b", amount=1))
    stream, why = sums.shelf.stream, "a stored event does not fit its class"

    def damaged(aggregate: str, upto: int) -> Any:
        yield from stream(aggregate, upto)
        if aggregate == "a":
            raise ConfigError(why, event="memory.added")

    sums.shelf.stream = damaged  # type: ignore[method-assign]
    first, second, other = sums.run(13, Add("a", amount=2), Greet("a"), Add("b", amount=1))
    for answer in (first, second):
        assert (answer["outcome"], answer["code"]) == ("failed", "unreadable")
        assert answer["message"] == f"{why} (event=memory.added)"
    assert other["versions"] == [3]
    assert "a" not in sums.core.aggregates
    sums.shelf.stream = stream  # type: ignore[method-assign]
    (answer,) = sums.run(14, Add("a", amount=2))
    assert answer["versions"] == [2], "mended, without a restart"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd"), st.integers(1, 9)), max_size=30))
def test_leaving_and_coming_back_changes_no_decision(steps: list[tuple[int, str, int]]) -> None:
    forgetful, other, at_s = Sums(idle_s=3), Sums(idle_s=None), 0
    for wait_s, name, amount in steps:
        at_s += wait_s
        command = Add(name, amount=amount)
        greeting = Greet(name)
        forgetful.run(at_s, command, greeting)
        other.run(at_s, command, greeting)
    assert forgetful.log == other.log


def test_an_application_message_alone_is_a_commit_that_changes_nothing() -> None:
    sums = Sums(idle_s=None)
    sums.run(1, Add("a", amount=5))
    (answer,) = sums.run(2, Greet("a"))
    assert (answer["outcome"], answer["versions"]) == ("committed", [2])
    assert sums.shelf.commits[-1].events == [Greeted(whom="a of 5")]
    assert sums.core.aggregates["a"].sum == 5  # type: ignore[attr-defined]


def test_an_application_message_alone_cannot_begin_an_aggregate() -> None:
    sums = Sums(idle_s=None)
    body = msgspec.json.encode([Greet("new")])
    (batch,) = sums.core.batches(encode_section(1, 0, SECOND, [(b"me", 1, body)]))
    ((_, _, answer),) = decode_replies(batch.replies)
    assert msgspec.json.decode(answer)["code"] == "handler-bug"
    assert sums.core.aggregates == {}


def test_loading_lets_idle_ones_go_and_takes_them_in_again_where_their_story_goes_on() -> None:
    live = Sums(idle_s=10)
    for at_s, name in ((1, "a"), (2, "b"), (50, "b"), (100, "a"), (101, "b")):
        live.run(at_s, Add(name, amount=at_s))
    again = Sums(idle_s=10)
    again.shelf.commits = list(live.shelf.commits)
    for position, commit in enumerate(live.shelf.commits, 1):
        again.core.load(position, [commit])
    assert {name: a.sum for name, a in again.core.aggregates.items()} == {"a": 101, "b": 153}  # type: ignore[attr-defined]


def test_a_stored_event_that_an_applier_fails_on_is_named_and_holds_its_aggregate_alone() -> None:
    sums = Sums(idle_s=10)
    sums.run(1, Add("a", amount=5))
    sums.run(5, Add("b", amount=1))
    sums.run(12, Add("b", amount=1))
    (stored,) = (commit for commit in sums.shelf.commits if commit.aggregate == "a")
    stored.events[0] = Added("many")  # type: ignore[arg-type]
    first, other = sums.run(13, Add("a", amount=2), Add("b", amount=1))
    assert (first["outcome"], first["code"]) == ("failed", "unreadable")
    assert "cannot apply a stored event (aggregate=a, version=1" in first["message"]
    assert other["versions"] == [3]
    with pytest.raises(ConfigError, match=r"aggregate=a, version=1, position=1, error=TypeError"):
        Sums(idle_s=None).core.load(1, [stored])


def test_a_new_aggregate_waits_for_nothing_though_others_have_left() -> None:
    sums = Sums(idle_s=10)
    sums.run(1, Add("a", amount=5))
    sums.run(12, Add("b", amount=1))
    assert list(sums.core.aggregates) == ["b"]
    sums.stores = False
    sums.run(13, Add("c", amount=1))
    (answer,) = sums.run(14, Add("d", amount=1))  # or the store is asked for what it does not have yet
    assert answer["versions"] == [1]
    (answer,) = sums.run(15, Add("a", amount=2))
    assert answer["versions"] == [2]


def test_one_that_came_back_is_in_use_though_nothing_came_of_its_command() -> None:
    sums = Sums(idle_s=10)
    sums.run(1, Add("a", amount=5))
    sums.run(12, Add("b", amount=1))
    sums.run(13, Add("a", amount=0))
    assert sums.core.aggregates["a"].version == 1
    sums.run(14, Add("b", amount=1))
    assert "a" in sums.core.aggregates
    sums.run(24, Add("b", amount=1))
    assert list(sums.core.aggregates) == ["b"]
