"""What the core makes of commands is parted where it would not fit, and fails alone where it never would."""

from itertools import chain
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Aggregate, Command, Decided, Engine, Event, applies, handles, reject
from engine.core.partition import USUAL_BYTES, Partition
from engine.model.outcomes import LONGEST_MESSAGE
from engine.wire.batches import Batch, decode_replies, encode_batch
from engine.wire.commands import encode_command, join_commands
from engine.wire.log import raw_record_decoder
from engine.wire.sections import encode_section

app = Engine("parting")


class Write(Command, name="write"):
    events: int = 1
    letters: int = 0
    result: int = 0
    refused: int = 0


class Written(Event, name="written"):
    text: str


@app.aggregate
class Page(Aggregate):
    written = 0

    @handles(Write, exists="may")
    def write(self, command: Write) -> Any:
        if command.refused:
            return reject("refused", "x" * command.refused)
        events = [Written("x" * command.letters) for _ in range(command.events)]
        return Decided(events, "x" * command.result) if command.result else events

    @applies(Written)
    def _written(self, event: Written) -> None:
        self.written += len(event.text)


class Store:
    """An archive of what was handed on."""

    def __init__(self) -> None:
        self.commits: list[Any] = []

    def keep(self, batch: Batch) -> None:
        if batch.log:
            self.commits += raw_record_decoder.decode(batch.log).commits

    def has_command(self, id: str) -> bool:
        return any(commit.command == id for commit in self.commits)

    def stream(self, aggregate: str, upto: int) -> Any:
        from engine.wire.log import encode_record, record_decoder

        _, commits = record_decoder(app).decode(encode_record((1, self.commits[:upto])))
        return [commit for commit in commits if commit.aggregate == aggregate]

    def stored(self) -> int:
        return 1 << 62


def section_of(core: Partition, *commands: Command) -> bytes:
    body = join_commands(map(encode_command, commands))
    return encode_section(
        core.sequence + 1, core.sequence, 1_000 + core.sequence, [(b"me", len(commands), body)]
    )


def run(core: Partition, store: Store, *commands: Command) -> tuple[list[Batch], list[dict[str, Any]]]:
    batches = []
    for batch in core.batches(section_of(core, *commands)):
        assert batch.size == len(encode_batch(batch)) <= core.most_bytes
        store.keep(batch)
        batches.append(batch)
    bodies = chain.from_iterable(decode_replies(batch.replies) for batch in batches)
    return batches, [answer for _, _, body in bodies for answer in msgspec.json.decode(b"[" + body + b"]")]


def outcomes(answers: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """(outcome, code) by command."""
    return {
        id: (answer["outcome"], answer.get("code", ""))
        for answer in answers
        for id in answer.get("ids", [answer.get("id")])
    }


def test_a_decision_that_never_fits_fails_alone_and_changes_nothing() -> None:
    store = Store()
    core = Partition(app, 0, archive=store, most_bytes=1 << 20)
    commands = [Write("a", letters=10), Write("a", events=10_000, letters=2_000), Write("a", letters=20)]
    _, answers = run(core, store, *commands)
    found = outcomes(answers)
    assert [found[command.id] for command in commands] == [
        ("committed", ""), ("failed", "cannot-be-stored"), ("committed", "")
    ]  # fmt: skip
    (failed,) = (answer for answer in answers if answer["outcome"] == "failed")
    assert "at most 1,048,576 can be stored" in failed["message"]
    page = core.aggregates["a"]
    assert isinstance(page, Page)
    assert (page.written, page.engine_version) == (30, 2)
    _, again = run(core, store, commands[1])
    assert outcomes(again) == {commands[1].id: ("failed", "cannot-be-stored")}


def test_what_is_decided_of_much_is_handed_on_in_batches_of_the_usual_size() -> None:
    store = Store()
    core = Partition(app, 0, archive=store)
    run(core, store, *(Write("a", letters=1_000) for _ in range(10)))
    batches, answers = run(core, store, *(Write("a", letters=1_000) for _ in range(2_000)))
    assert len(batches) > 1
    assert all(batch.size < 1.1 * USUAL_BYTES for batch in batches)
    assert list(map(len, outcomes(answers))) == [32] * 2_000


def test_the_text_of_a_rejection_is_cut_where_it_is_too_long() -> None:
    store = Store()
    core = Partition(app, 0, archive=store, most_bytes=1 << 20)
    _, (answer,) = run(core, store, Write("a", refused=10_000_000))
    assert (answer["outcome"], len(answer["message"])) == ("rejected", LONGEST_MESSAGE)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(
            st.builds(
                Write,
                st.sampled_from("abc"),
                events=st.integers(1, 3),
                letters=st.sampled_from([0, 10, 3_000, 70_000]),
                result=st.sampled_from([0, 0, 5_000, 50_000]),
                refused=st.sampled_from([0, 0, 0, 3_000]),
            ),
            min_size=1,
            max_size=12,
        ),
        max_size=4,
    )
)
def test_whatever_is_decided_every_batch_fits_and_nothing_is_lost_or_out_of_order(
    sections: list[list[Write]],
) -> None:
    store = Store()
    core = Partition(app, 0, archive=store, most_bytes=100_000)
    sequence = position = 0
    sent: list[Write] = []
    for commands in sections:
        again = sent[-1:]  # a duplicate among them
        batches, answers = run(core, store, *commands, *again)
        sent += commands
        for batch in batches:
            assert (batch.first_sequence, batch.first_position) == (sequence + 1, position + 1)
            sequence, position = batch.last_sequence, batch.last_position
        found = outcomes(answers)
        assert {command.id for command in commands} <= set(found)
        for command in commands:
            size = command.events * command.letters + command.result
            if command.refused:
                assert found[command.id] == ("rejected", "refused")
            elif size + command.result > 100_000:
                assert found[command.id] == ("failed", "cannot-be-stored")
            elif size + command.result < 90_000:
                assert found[command.id] == ("committed", "")
    assert sequence == core.sequence
    stored = [commit.command for commit in store.commits]
    assert stored == [command.id for command in sent if command.id in set(stored)]
    for name in "abc":
        versions = [commit.version for commit in store.commits if commit.aggregate == name]
        assert versions == [*range(1, len(versions) + 1)]
