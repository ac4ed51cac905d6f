"""The post of a process manager, with a wire in place of its connection to the node."""

import pytest

from engine import Refusal
from engine.stages.gate import Limits
from engine.stages.post import Post
from engine.testing.wires import Wire, as_socket
from engine.wire.commands import encode_command
from tests.unit.engine.managers.relay import ReturnParcel

LARGE = ReturnParcel("p1", reason="x" * (3 << 19))
SMALL = ReturnParcel("p2", reason="none")


@pytest.fixture
def sent() -> list[bytes]:
    return []


def post(sent: list[bytes], message_bytes: int) -> Post:
    return Post(as_socket(Wire(sent.append, lambda: None)), Limits(message_bytes, 100, 1_000), lambda: 0.0)


def test_a_command_as_large_as_the_node_takes_leaves(sent: list[bytes]) -> None:
    large_post = post(sent, 1 << 21)
    large_post.send([(command, encode_command(command)) for command in (LARGE, SMALL)])
    assert [LARGE.id.encode() in frame for frame in sent] == [True, False]
    assert list(large_post.answers()) == []


def test_what_the_node_does_not_take_any_more_is_refused_instead_of_waiting_for_ever(
    sent: list[bytes],
) -> None:
    lowered = post(sent, 1 << 16)
    lowered.send([(command, encode_command(command)) for command in (LARGE, SMALL)])
    assert len(sent) == 1
    ((id, refusal),) = lowered.answers()
    assert id == LARGE.id
    assert isinstance(refusal, Refusal)
    assert (refusal.outcome, refusal.code) == ("failed", "too-large")
    assert list(lowered.answers()) == []
