"""What a worker's handlers do with a delivery."""

from collections.abc import Sequence

import msgspec
import pytest

from engine import Command, Delivery, Receipt, Refusal
from engine.stages.working import Handling, Stopped, Telling, pause_after
from tests.acceptance.errands import Asked, Finish, create

ASKED = Delivery("0" * 31 + "1-2", "errand.asked", Asked("x"), "a", 1, 0, 7, 2, 5_000_000)


class Node:
    """Plays the node: answers as it is told."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Command] = []

    def send(self, command: Command, *, timeout_s: float) -> Receipt:
        self.sent.append(command)
        outcome = self.outcomes.pop(0)
        return Receipt(outcome, command.id, code="no", message="because")  # type: ignore[arg-type]

    def send_many(self, commands: Sequence[Command], *, timeout_s: float) -> list[Receipt]:
        return [self.send(command, timeout_s=timeout_s) for command in commands]


def test_what_follows_from_a_delivery_has_the_same_id_each_time_and_says_what_it_followed_from() -> None:
    node = Node(*["committed"] * 5)
    telling = Telling("runner", node)
    for _ in range(2):
        telling.begin(ASKED)
        assert telling(Finish("a")) is None
        assert telling(Finish("b")) is None
    first, second, again, _ = node.sent
    assert first.id == again.id != second.id
    assert (first.causation, first.correlation) == (ASKED.command, ASKED.command)
    telling.begin(msgspec.structs.replace(ASKED, correlation="c"))
    telling(Finish("a"))
    assert (node.sent[-1].id, node.sent[-1].correlation) == (first.id, "c")


def test_what_a_round_tells_keeps_its_id() -> None:
    node = Node("committed")
    telling = Telling("runner", node)
    telling.begin(None)
    command = Finish("a")
    telling(command)
    assert node.sent == [command]


def test_many_are_answered_in_their_order_and_only_those_without_an_answer_are_sent_again() -> None:
    node = Node("busy", "rejected", "committed", "unchanged")
    telling = Telling("runner", node)
    telling.begin(ASKED)
    assert telling.many([Finish("a"), Finish("b"), Finish("c")]) == [
        None,
        Refusal("rejected", "no", "because"),
        None,
    ]
    assert [command.aggregate for command in node.sent] == ["a", "b", "c", "a"]
    assert node.sent[0] == node.sent[3]


def test_who_watches_a_handler_knows_that_it_waits_for_the_node() -> None:
    story: list[object] = []

    class Watched(Node):
        def send(self, command: Command, *, timeout_s: float) -> Receipt:
            story.append("sent")
            return super().send(command, timeout_s=timeout_s)

    telling = Telling("runner", Watched("busy", "committed", "busy", "failed"), waits=story.append)
    telling.begin(ASKED)
    telling(Finish("a"))
    telling.many([Finish("a")])
    assert story == [True, "sent", "sent", False] * 2


def test_it_sends_again_until_there_is_an_answer() -> None:
    node = Node("busy", "unknown", "unchanged", "rejected", "failed")
    telling = Telling("runner", node)
    telling.begin(ASKED)
    assert telling(Finish("a")) is None
    assert len({command.id for command in node.sent}) == 1
    assert telling(Finish("a")) == Refusal("rejected", "no", "because")
    assert telling(Finish("a")) == Refusal("failed", "no", "because")


def test_once_the_node_stops_nothing_is_told() -> None:
    telling = Telling("runner", Node(), lambda: False)
    telling.begin(ASKED)
    with pytest.raises(Stopped):
        telling(Finish("a"))


def test_a_delivery_goes_to_the_handlers_of_its_class_alone(tmp_path: object) -> None:
    spec = create({"outside": str(tmp_path)}).workers["runner"]
    node = Node("committed")
    handling = Handling(spec.factory(), spec, Telling("runner", node))
    handling.handle(msgspec.structs.replace(ASKED, event=object()))
    assert node.sent == []
    handling.handle(ASKED)
    assert [command.aggregate for command in node.sent] == ["a"]


def test_pauses_grow_up_to_a_minute() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 50)] == [0.1, 0.2, 0.4, 60.0]
