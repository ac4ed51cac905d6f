"""Commands declare with which codes they may be rejected, and the type of their result."""

from collections.abc import Callable
from typing import Any

import pytest

from engine import Aggregate, Command, Decided, Engine, Event, Rejection, applies, handles, reject
from engine.base.errors import ConfigError
from engine.model.declared import undeclared
from engine.testing import given


class Take(Command, name="stock.take", rejects=("sold-out", "closed"), result=int):
    count: int


class Open(Command, name="stock.open"): ...


class Close(Command, name="stock.close", rejects=()): ...


class Taken(Event, name="stock.taken"):
    count: int


class Stock(Aggregate):
    left = 10

    @handles(Take, exists="may")
    def take(self, command: Take) -> Decided | Rejection:
        if command.count == 7:
            return reject("unlucky")
        if command.count > self.left:
            return reject("sold-out")
        left = self.left - command.count
        return Decided(Taken(command.count), result=left if command.count else str(left))

    @handles(Open, exists="must-not")
    def open(self, command: Open) -> Taken | Rejection:
        return reject("whatever")

    @handles(Close, exists="may")
    def close(self, command: Close) -> Taken | Rejection:
        return reject("never")

    @applies(Taken)
    def _taken(self, event: Taken) -> None:
        self.left -= event.count


def test_a_class_line_declares_for_its_class_alone() -> None:
    class Heir(Take): ...

    assert (Take.__rejects__, Take.__result__) == (("sold-out", "closed"), int)
    assert (Open.__rejects__, Open.__result__) == (None, Any)
    assert (Heir.__rejects__, Heir.__result__) == (None, Any)


def test_what_is_declared_passes() -> None:
    given(Stock).when(Take("s", count=3)).result(7).when(Take("s", count=8)).rejected("sold-out")


def test_what_is_not_declared_may_be_anything() -> None:
    given(Stock).when(Open("s")).rejected("whatever")


def test_codes_of_the_engine_are_always_allowed() -> None:
    given(Stock, Taken(1)).when(Take("s", count=1, expected_version=7)).rejected("wrong-version")
    given(Stock, Taken(1)).when(Open("s")).rejected("already-exists")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            Take("s", count=7),
            "Take is rejected with the code unlucky; its class declares rejects: sold-out, closed",
        ),
        (Close("s"), "Close is rejected with the code never; its class declares rejects: none"),
    ],
)
def test_the_kit_finds_what_a_class_does_not_declare(command: Command, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        given(Stock).when(command)


def test_another_result_than_the_declared_is_a_bug_of_its_handler() -> None:
    given(Stock).when(Take("s", count=0)).failed("handler-bug")


def test_a_result_that_is_missing_is_another() -> None:
    said = undeclared(Take, {"outcome": "committed"})
    assert said.startswith("Take is committed with the result None; its class declares another: Expected")


def with_handler(command: type[Command], returns: Any) -> Callable[[], None]:
    class Thing(Aggregate):
        @applies(Taken)
        def _taken(self, event: Taken) -> None: ...

    def decide(self: Thing, command: Command) -> Any:
        return None

    decide.__annotations__["return"] = returns
    Thing.decide = handles(command)(decide)  # type: ignore[attr-defined]
    return Engine("test", aggregates=[Thing]).check


@pytest.mark.parametrize(
    ("rejects", "result", "said"),
    [
        ((7,), Any, "which rejects=(7,) are not all texts"),
        (("",), Any, "are not all texts"),
        (("wrong-version",), Any, "declares wrong-version: that code is the engine's own"),
        ((), complex, "whose result cannot be read from JSON: <class 'complex'> is not a type that JSON has"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(rejects: Any, result: Any, said: str) -> None:
    class Odd(Command, name="odd", rejects=rejects, result=result): ...

    with pytest.raises(ConfigError) as caught:
        with_handler(Odd, Any)
    assert said.removeprefix("which ") in str(caught.value)


def test_codes_that_are_one_text_are_refused_where_they_stand() -> None:
    with pytest.raises(TypeError, match=r'Odd: rejects is a tuple of codes, as in rejects=\("sold-out",\)'):

        class Odd(Command, name="odd", rejects="sold-out"): ...


def test_a_handler_that_can_give_no_result_is_refused() -> None:
    with_handler(Take, Decided | Rejection)()
    with_handler(Take, Any)()
    with_handler(Open, Taken)()
    with pytest.raises(ConfigError, match=r"returns no Decided\(…, result=…\), and Take declares a result"):
        with_handler(Take, Taken | Rejection)()
