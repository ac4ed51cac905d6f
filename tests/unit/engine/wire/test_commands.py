"""The core's decoder: a command that does not decode never takes its neighbours with it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Aggregate, Command, Engine, Event, applies, handles
from engine.wire.commands import CommandDecoder, Malformed

app = Engine("decoding")


class Put(Command, name="put"):
    number: int
    text: str = ""


class PutTwice(Command, name="put", version=2):
    numbers: tuple[int, int]


class Done(Event, name="done"):
    pass


@app.aggregate
class Box(Aggregate):
    @handles(Put)
    def put(self, command: Put) -> Done:
        return Done()

    @handles(PutTwice)
    def put_twice(self, command: PutTwice) -> Done:
        return Done()

    @applies(Done)
    def _done(self, event: Done) -> None: ...


decode = CommandDecoder(app).decode
GOOD = Put("a", number=1)


def body(*commands: Command | bytes) -> bytes:
    return b"[" + b",".join(c if isinstance(c, bytes) else msgspec.json.encode(c) for c in commands) + b"]"


def wire(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "0" * 32, "aggregate": "a", **fields})


@given(
    st.lists(
        st.one_of(
            st.builds(Put, st.text(min_size=1), number=st.integers(), text=st.text()),
            st.builds(PutTwice, st.text(min_size=1), numbers=st.tuples(st.integers(), st.integers())),
            st.builds(Put, st.just("b"), number=st.just(0), expected_version=st.integers(0, 1 << 63)),
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_commands_come_back_as_they_were_sent(commands: list[Command]) -> None:
    assert decode(body(*commands)) == commands


@pytest.mark.parametrize(
    ("bad", "code", "says"),
    [
        (wire(type="put"), "malformed", "number"),
        (wire(type="put", number="1"), "malformed", "number"),
        (wire(type="put", number=1.5), "malformed", "number"),
        (wire(type="put", number=1, expected_version="x"), "malformed", "expected_version"),
        (wire(type="put@2", numbers=[1]), "malformed", "numbers"),
        (wire(type="put@3", number=1), "unknown-command", "put@3"),
        (wire(type="Put", number=1), "unknown-command", "Put"),
        (wire(type="", number=1), "malformed", ""),
        (wire(type=7, number=1), "malformed", "type"),
        (wire(number=1), "malformed", "type"),
        (wire(type="put", number=1, text="XX").replace(b"XX", b"\xff"), "malformed", "utf-8"),
        (wire(type="XX", number=1).replace(b"XX", b"\xff"), "malformed", ""),
        (wire(type="put", number=0).replace(b":0", b":1e400"), "malformed", "number"),
        (wire(type="put", number=1).replace(b'"put"', b'"put","type":"put@2"'), "malformed", "type"),
    ],
)
def test_what_does_not_decode_is_named_and_its_neighbours_run(bad: bytes, code: str, says: str) -> None:
    first, found, last = decode(body(GOOD, bad, GOOD))
    assert first == last == GOOD
    assert isinstance(found, Malformed)
    assert (found.id, found.aggregate, found.code) == ("0" * 32, "a", code)
    assert says in found.message


def test_what_nests_deeper_than_the_decoder_can_follow_is_malformed_alone() -> None:
    deep = wire(type="put", number=1, more=0).replace(b":0", b":" + b"[" * 600 + b"]" * 600)
    assert [command.id for command in decode(body(GOOD, deep))] == [GOOD.id, "0" * 32]


def test_unknown_fields_are_ignored() -> None:
    (command,) = decode(body(wire(type="put", number=3, wait="accepted", colour={"red": [1, None]})))
    assert isinstance(command, Put)
    assert command.number == 3


def test_an_application_with_a_single_command_decodes_it_by_its_type_all_the_same() -> None:
    lone = Engine("lone")

    @lone.aggregate
    class Lone(Aggregate):
        @handles(Put)
        def put(self, command: Put) -> None: ...

    found = CommandDecoder(lone).decode(body(GOOD, wire(type="other")))
    assert found[0] == GOOD
    assert isinstance(found[1], Malformed)
    assert found[1].code == "unknown-command"


class Tree(msgspec.Struct):
    below: "list[Tree]" = []


class Keep(Command, name="keep"):
    anything: Any = None
    tree: Tree | None = None


def kept(**fields: bytes) -> Command | Malformed:
    open_app = Engine("open")

    @open_app.aggregate
    class Shelf(Aggregate):
        @handles(Keep)
        def keep(self, command: Keep) -> None: ...

        @handles(Put)
        def put(self, command: Put) -> None: ...

    more = b"".join(b',"%s":%s' % (name.encode(), value) for name, value in fields.items())
    first, found = CommandDecoder(open_app).decode(body(GOOD, wire(type="keep")[:-1] + more + b"}"))
    assert first == GOOD
    return found


@pytest.mark.parametrize("levels", [10, 63, 64, 65, 400, 900])
def test_a_field_that_takes_anything_takes_it_to_a_bounded_depth(levels: int) -> None:
    opening, closing = b'{"below":[' * (levels // 2), b"]}" * (levels // 2)
    for found in (
        kept(anything=b"[" * levels + b"]" * levels),
        kept(anything=b'{"x":' * levels + b"1" + b"}" * levels),
        kept(tree=opening + closing),
    ):
        assert isinstance(found, Malformed) is (levels >= 64), "the command itself is a level"


def test_only_types_that_may_nest_without_bound_are_looked_at() -> None:
    assert CommandDecoder(app)._open == set()
