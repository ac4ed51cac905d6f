"""Going back: from bugs that come out when state has changed, and from foreign appends."""

from typing import Any

import msgspec
import pytest

from engine.core.archive import Superseded
from engine.core.broken import Broken
from engine.model.messages import Command, Event
from engine.wire.batches import Batch, decode_replies
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section
from tests.unit.engine.core.test_partition import (
    TIME_NS,
    Bank,
    Broke,
    Deposit,
    Moved,
    Open,
    Read,
    Shelf,
    Stumble,
    Withdraw,
    app,
)


def section(bank: Bank, *commands: Command) -> bytes:
    before = bank.core.sequence
    body = b"[" + b",".join(map(msgspec.json.encode, commands)) + b"]"
    return encode_section(before + 1, before, TIME_NS + before, [(b"me", len(commands), body)])


def answers(batches: list[Batch]) -> list[dict[str, Any]]:
    bodies = [body for batch in batches for _, _, body in decode_replies(batch.replies)]
    return [answer for body in bodies for answer in msgspec.json.decode(b"[" + body + b"]")]


def stocked() -> tuple[Bank, Shelf]:
    shelf = Shelf()
    bank = Bank(archive=shelf)
    bank.run(Open("a"), Deposit("a", amount=100))
    shelf.keep(bank.batches[-1])
    return bank, shelf


def foreign(
    shelf: Shelf, aggregate: str, version: int, command: str, *events: Event, time_ns: int = TIME_NS
) -> None:
    entry = (aggregate, version, command, 0, time_ns, events, None)
    _, commits = record_decoder(app).decode(msgspec.json.encode((len(shelf.commits) + 1, [entry])))
    shelf.commits += commits


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("apply", "the applier raised ZeroDivisionError"),
        ("event", "an event cannot be encoded: Broke, which does not fit its class: what: Exceeds the limit"),
    ],
)
def test_a_bug_that_comes_out_after_state_changed_fails_its_command_alone(how: str, says: str) -> None:
    bank, shelf = stocked()
    culprit = Stumble("a", how=how)
    more = section(bank, Deposit("a", amount=1), culprit, Open("b"), Deposit("a", amount=2))
    batches = []
    for batch in bank.core.batches(more):
        shelf.keep(batch)
        batches.append(batch)
    outcomes = [answer["outcome"] for answer in answers(batches)]
    assert outcomes == ["committed", "failed", "committed", "committed"]
    (failed,) = (answer for answer in answers(batches) if answer["outcome"] == "failed")
    assert (failed["id"], failed["code"]) == (culprit.id, "handler-bug")
    assert says in failed["message"]
    assert bank.balance() == 103
    assert "b" in bank.core.aggregates
    assert (bank.core.sequence, bank.core.position) == (6, 5)
    assert bank.run(culprit) == [failed], "remembered like every outcome"


def test_a_section_that_breaks_leaves_everything_as_it_was() -> None:
    bank, _ = stocked()
    new, known = Open("b"), Withdraw("a", amount=500)
    with pytest.raises(Broken):
        bank.core.process(section(bank, new, known, Deposit("a", amount=1), Stumble("a", how="apply")))
    assert bank.balance() == 100
    assert "b" not in bank.core.aggregates
    assert (bank.core.sequence, bank.core.position) == (2, 2)
    found = bank.run(new, known)
    assert [answer["outcome"] for answer in found] == ["committed", "rejected"], "their ids were forgotten"


def test_a_bug_is_contained_the_same_way_in_a_replay() -> None:
    one, shelf_of_one = stocked()
    two, shelf_of_two = stocked()
    more = section(one, Deposit("a", amount=1), Stumble("a", how="apply", id="0" * 31 + "1"))
    batches: list[list[Batch]] = []
    for bank, shelf in ((one, shelf_of_one), (two, shelf_of_two)):
        found = []
        for batch in bank.core.batches(more):
            shelf.keep(batch)
            found.append(batch)
        batches.append(found)
    assert batches[0] == batches[1]


def test_what_was_stored_of_a_section_is_not_run_again() -> None:
    bank, _ = stocked()
    commands = [Deposit("a", amount=1) for _ in range(4)]
    whole = section(bank, *commands)
    bank.core.settle(4, bank.core.window.highest)  # as if two of them had been stored before a crash
    batches = list(bank.core.batches(whole))
    assert [(batch.first_sequence, batch.last_sequence) for batch in batches] == [(5, 6)]
    assert bank.balance() == 102


def test_a_foreign_append_is_applied_and_what_was_decided_meanwhile_is_decided_again() -> None:
    bank, shelf = stocked()
    commands = [Deposit("a", amount=1), Withdraw("a", amount=101), Open("b"), Withdraw("nobody", amount=1)]
    more = section(bank, *commands)
    bank.core.process(more)
    assert bank.balance() == 0
    foreign(shelf, "a", 3, "f" * 32, Moved(amount=-50))

    bank.core.go_back(2, 3, lambda after: shelf.commits[after:])
    assert (bank.core.sequence, bank.core.position, bank.core.epoch) == (2, 3, 1)
    assert bank.balance() == 50
    assert "b" not in bank.core.aggregates
    again = bank.core.process(more)
    assert again.epoch == 1
    outcomes = {answer.get("id") or answer["ids"][0]: answer["outcome"] for answer in answers([again])}
    assert outcomes[commands[1].id] == "rejected", "there is less money than it had thought"
    assert bank.balance() == 51
    assert bank.core.aggregates["a"].version == 4


@pytest.mark.parametrize("outruns", [False, True])
def test_what_is_decided_again_has_the_time_of_the_journal_unless_other_nodes_decide_too(
    outruns: bool,
) -> None:
    bank, shelf = stocked()
    bank.core.outruns = outruns
    more = section(bank, Deposit("a", amount=1))
    first = bank.core.process(more)
    foreign(shelf, "z", 1, "f" * 32, Moved(amount=1), time_ns=first.time_ns + 1_000)
    bank.core.go_back(2, 3, lambda after: shelf.commits[after:])
    again = bank.core.process(more)
    assert again.time_ns == (first.time_ns + 1_001 if outruns else first.time_ns)


def test_a_command_that_was_stored_by_a_foreign_append_is_a_duplicate() -> None:
    bank, shelf = stocked()
    create, update = Open("new"), Deposit("new", amount=1)
    more = section(bank, create, update)
    bank.core.process(more)
    foreign(shelf, "new", 1, create.id, Broke(what="nothing"))
    bank.core.go_back(2, 3, lambda after: shelf.commits[after:])
    again = bank.core.process(more)
    assert [id for _, id in msgspec.json.decode(again.duplicates)] == [create.id]
    assert bank.core.aggregates["new"].version == 2


def test_only_what_is_not_stored_is_decided_anew() -> None:
    bank, shelf = stocked()
    bank.run(Deposit("a", amount=7))
    shelf.keep(bank.batches[-1])
    lost = section(bank, Deposit("a", amount=1000))
    bank.core.process(lost)
    foreign(shelf, "z", 1, "f" * 32, Moved(amount=1))
    bank.core.go_back(3, 4, lambda after: shelf.commits[after:])
    assert bank.balance() == 107
    assert bank.balance("z") == 1


class Blind(Shelf):
    """It learns of another append while the core waits for it."""

    waits = False

    def stream(self, aggregate: str, upto: int) -> list[Any]:
        if self.waits:
            raise Superseded
        return super().stream(aggregate, upto)


@pytest.mark.parametrize("how", ["apply", "read"])
def test_what_is_half_done_when_the_core_must_go_back_is_undone_with_the_rest(how: str) -> None:
    shelf = Blind()
    bank = Bank(archive=shelf)
    bank.run(Open("a"), Deposit("a", amount=100))
    shelf.keep(bank.batches[-1])
    bank.core.memory.gaps = True  # an unknown name is looked for in the store, and so is what a bug left
    commands = [Deposit("a", amount=1), Withdraw("a", amount=500), Open("b") if how == "read" else Read("a")]
    more = section(bank, *commands, Stumble("a", how=how))
    shelf.waits = True
    with pytest.raises(Superseded):
        list(bank.core.batches(more))
    shelf.waits = False
    foreign(shelf, "a", 3, "f" * 32, Moved(amount=1000))
    bank.core.go_back(2, 3, lambda after: shelf.commits[after:])
    assert (bank.balance(), bank.core.sequence, bank.core.position) == (1100, 2, 3)
    assert "b" not in bank.core.aggregates
    batches = []
    for batch in bank.core.batches(more):
        shelf.keep(batch)
        batches.append(batch)
    outcomes = [answer["outcome"] for answer in answers(batches)]
    assert outcomes.count("committed") == 3 - (how == "apply")
    assert outcomes.count("rejected") == 0, "the ids of the first try are forgotten"
    assert bank.balance() == 1100 + 1 - 500


def test_a_command_that_cannot_be_stored_is_answered_failed_alone_and_is_not_run() -> None:
    bank, shelf = stocked()
    refused = Deposit("a", amount=1_000)
    more = section(bank, Deposit("a", amount=1), refused, Deposit("a", amount=2))
    bank.core.refused = {4: "it has no place"}
    batches = []
    for batch in bank.core.batches(more):
        shelf.keep(batch)
        batches.append(batch)
    assert [answer["outcome"] for answer in answers(batches)] == ["committed", "failed", "committed"]
    (failed,) = (answer for answer in answers(batches) if answer["outcome"] == "failed")
    assert (failed["code"], failed["message"]) == ("cannot-be-stored", "it has no place")
    assert bank.balance() == 103
    assert bank.run(refused) == [failed], "remembered like every outcome"


def elsewhere(command: Command) -> tuple[str, bytes]:
    """(command id, encoded answer) of a rejection on another node."""
    return command.id, msgspec.json.encode({"outcome": "rejected", "id": command.id, "code": "too-little"})


def test_only_what_was_stored_of_this_node_is_settled() -> None:
    bank, shelf = stocked()
    bank.core.process(section(bank, Deposit("a", amount=1)))  # in flight, as sequence 3 …
    foreign(shelf, "a", 3, "f" * 32, Moved(amount=50))  # … which another node has decided otherwise
    rejected = Withdraw("a", amount=500)
    bank.core.go_back(4, 3, lambda after: shelf.commits[after:], settled=2, outcomes=[elsewhere(rejected)])
    assert (bank.balance(), bank.core.sequence, bank.core.position) == (150, 4, 3)
    assert bank.run(rejected)[0]["outcome"] == "rejected", "as the other node had decided"
    assert bank.run(Deposit("a", amount=1))[0]["version"] == 4


def test_what_this_node_had_stored_before_the_other_one_came_stays() -> None:
    bank, shelf = stocked()
    mine = Deposit("a", amount=1)
    bank.run(mine)
    shelf.keep(bank.batches[-1])
    foreign(shelf, "a", 4, "f" * 32, Moved(amount=50))
    bank.core.process(section(bank, Deposit("a", amount=2)))
    bank.core.go_back(4, 4, lambda after: shelf.commits[after:], settled=3)
    assert bank.balance() == 151
    batch = bank.core.process(section(bank, mine))
    assert (batch.commits, len(batch.duplicates) > 0) == (0, True)


def test_a_core_that_follows_goes_on_where_the_other_node_ended() -> None:
    bank, shelf = stocked()
    theirs, rejected = "f" * 32, Withdraw("a", amount=500)
    foreign(shelf, "a", 3, theirs, Moved(amount=50))
    bank.core.follow(4, shelf.commits[2:], [elsewhere(rejected)])
    assert (bank.balance(), bank.core.sequence, bank.core.position) == (150, 4, 3)
    assert bank.run(rejected)[0]["code"] == "too-little"
    again = bank.core.process(section(bank, Deposit("a", amount=50, id=theirs)))
    assert again.commits == 0, "it is left to the store to answer it"
    assert bank.run(Deposit("a", amount=1))[0]["version"] == 4
    assert not bank.core.in_flight(7)
