"""The tally: answers in blocks or one by one, and nothing left of it when it is undone."""

from typing import Any

import msgspec

from engine import Aggregate, Command, Engine, Event, Stamp, applies, handles
from engine.core.archive import NoArchive
from engine.core.memory import Memory
from engine.core.tally import Entry, Tally
from engine.core.window import COMMITTED, Window
from engine.wire.answers import Unchanged
from engine.wire.batches import decode_duplicates, decode_replies

app = Engine("counting")
A, B, C = "a" * 32, "b" * 32, "c" * 32


class Add(Command, name="add"): ...


class Added(Event, name="added"): ...


@app.aggregate
class Counter(Aggregate):
    @handles(Add, exists="may")
    def add(self, command: Add, stamp: Stamp) -> Added:
        return Added()

    @applies(Added)
    def _added(self, event: Added) -> None: ...


def commit(id: str, version: int, result: Any = None) -> Entry:
    return ("counter", version, id, version, 0, [Added()], result)


def replies(tally: Tally) -> list[tuple[bytes, int, list[Any]]]:
    batch = tally.batch(9, 0, 0)
    return [(who, count, msgspec.json.decode(b"[" + body + b"]")) for who, count, body in
            decode_replies(batch.replies)]  # fmt: skip


def test_commits_of_one_client_are_answered_in_one_block() -> None:
    tally = Tally(3, 1, 11)
    tally.commits += [commit(A, 1), commit(B, 2)]
    tally.reply(b"me", 2, [])
    block = {"outcome": "committed", "ids": [A, B], "versions": [1, 2], "partition": 3, "position": 11}
    assert replies(tally) == [(b"me", 2, [block])]


def test_each_client_is_answered_for_its_own_commits() -> None:
    tally = Tally(0, 1, 11)
    tally.commits.append(commit(A, 1))
    tally.reply(b"me", 1, [])
    tally.commits.append(commit(B, 2))
    tally.reply(b"you", 1, [])
    (_, _, (mine,)), (_, _, (yours,)) = replies(tally)
    assert (mine["ids"], mine["position"]) == ([A], 11)
    assert (yours["ids"], yours["position"]) == ([B], 12)


def test_a_result_makes_every_commit_of_the_client_be_answered_by_itself() -> None:
    tally = Tally(0, 1, 11)
    tally.commits += [commit(A, 1), commit(B, 2, {"left": 4})]
    tally.reply(b"me", 2, [])
    (_, _, (first, second)) = replies(tally)[0]
    assert (first["id"], first["position"], "result" in first) == (A, 11, False)
    assert (second["id"], second["position"], second["result"]) == (B, 12, {"left": 4})


def test_a_repeated_command_is_answered_as_before_or_left_to_the_store() -> None:
    tally, answers = Tally(0, 1, 1), list[bytes]()
    assert tally.repeat(b"me", A, Unchanged(A).encode(), answers) == 0
    assert tally.repeat(b"me", B, COMMITTED, answers) == 1
    assert answers == [Unchanged(A).encode()]
    assert decode_duplicates(tally.batch(2, 0, 0).duplicates) == [(b"me", B)]


def test_a_client_without_an_answer_gets_no_reply() -> None:
    tally = Tally(0, 1, 1)
    tally.reply(b"me", 0, [])
    assert replies(tally) == []


def test_a_tally_that_is_undone_leaves_no_id_and_no_aggregate_behind() -> None:
    window, memory = Window(10, lambda id: False), Memory(app, NoArchive())
    aggregate = memory.new(Counter, "counter")
    memory.begin(aggregate, [Added()])
    tally = Tally(0, 1, 1)
    tally.touched["counter"] = aggregate
    tally.keys += (A, aggregate.engine_key)
    tally.outcomes.append(Unchanged(B).encode())
    window.remember(A, COMMITTED)
    window.remember(B, Unchanged(B).encode())
    window.remember(C, COMMITTED)
    tally.undo(window, memory, 0)
    assert [window.find(id) for id in (A, B, C)] == [None, None, COMMITTED]
    assert memory.aggregates == {}
