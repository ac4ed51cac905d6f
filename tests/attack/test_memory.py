"""Memory is bounded in bytes, whatever a client sends or does not read."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.acceptance.stranger import Bare
from tests.attack.target import Target, target
from tests.deadline import until

pytestmark = pytest.mark.smoke

SECONDS = 0.9
DOORS = ["commands", "reads", "query", "events"]
MOST = 50  # connections
TINY = b"[" + b",".join([b"1"] * 9_999) + b"]"
LARGE = b"[" + b" " * ((1 << 20) - 2) + b"]"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    settings = {"max_message_bytes": "1MiB", "segment_bytes": "8MiB", "max_connections": MOST}
    with target(tmp_path_factory.mktemp("attacked") / "data", **settings) as found:
        yield found


@pytest.fixture
def attacked(node: Target) -> Target:
    """One node takes all attacks, so it must not give way over time either."""
    node.weigh_anew()
    return node


def pour(endpoint: str, frame: bytes, *, more: bool = False, kind: bytes = b"DEALER") -> None:
    """Sends the same for a while and reads no answer, in new connections where the old one is broken."""
    for number in range(3):
        shut = contextlib.suppress(AssertionError, ConnectionError)  # the node may do so before it greets
        with shut, contextlib.closing(Bare(endpoint, b"attacker-%d" % number, kind)) as attacker:
            attacker.pour(frame, SECONDS / 3, more=more)


@pytest.mark.parametrize("door", DOORS)
def test_a_message_without_end_takes_no_memory(attacked: Target, door: str) -> None:
    pour(attacked.door(door), b"x" * 1_000, more=True, kind=b"SUB" if door == "events" else b"DEALER")
    attacked.unharmed()


@pytest.mark.parametrize("frame", [b"", b"x" * 500_000])
def test_neither_do_its_smallest_and_its_largest_frames(attacked: Target, frame: bytes) -> None:
    pour(attacked.door("commands"), frame, more=True)
    attacked.unharmed()


@pytest.mark.parametrize("frame", [TINY, LARGE, b"1"], ids=["tiny commands", "large", "small"])
def test_answers_that_nobody_reads_take_no_memory(attacked: Target, frame: bytes) -> None:
    pour(attacked.door("commands"), frame)
    attacked.unharmed()


@pytest.mark.parametrize("door", ["reads", "query"])
def test_answers_to_queries_that_nobody_reads_take_no_memory(attacked: Target, door: str) -> None:
    pour(attacked.door(door), b'{"query":"%s"}' % (b"x" * 5_000))
    attacked.unharmed()


def test_subscriptions_without_end_take_no_memory(attacked: Target) -> None:
    attacker = Bare(attacked.door("events"), b"", b"SUB")
    attacker.pour_all(b"\1%0500d" % number for number in range(50_000))
    attacker.close()
    attacked.unharmed()


def test_connections_beyond_the_limit_are_shut_down(attacked: Target) -> None:
    with contextlib.ExitStack() as stack:
        strangers: list[Bare] = []
        for number in range(MOST + 30):
            with contextlib.suppress(AssertionError, ConnectionError):  # shut before it could greet
                one = Bare(attacked.door("commands"), b"r%d" % number)
                stack.enter_context(contextlib.closing(one))
                strangers.append(one)
        until(lambda: sum(not stranger.is_shut() for stranger in strangers) <= MOST)
    attacked.unharmed()


@pytest.mark.parametrize("door", ["commands", "reads", "query"])
def test_routing_ids_of_any_length_end_no_process(attacked: Target, door: str) -> None:
    for length in (256, 60_000, 70_000):
        for _ in range(12):
            refused = contextlib.suppress(ConnectionError, AssertionError)  # the node may break it at once
            with refused, contextlib.closing(Bare(attacked.door(door), b"r" * length)) as stranger:
                stranger.send(b'{"query":"x"}')
    attacked.unharmed()


def test_who_connects_again_under_its_routing_id_is_heard(attacked: Target) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(30):  # the node has not noticed that the one before has left, which it has not
            again = stack.enter_context(contextlib.closing(Bare(attacked.door("commands"), b"same")))
            again.send(b"[")
            assert b"malformed" in again.frame()
    attacked.unharmed()
