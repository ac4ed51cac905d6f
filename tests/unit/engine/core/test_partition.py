"""The partition: every outcome, and the same bytes for the same sections."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Aggregate, Command, Decided, Engine, Event, Rejection, Stamp, applies, handles, reject
from engine.base.errors import CorruptData, InvariantBroken
from engine.base.identity import NO_INDEX_KEY, aggregate_key, uuid7_hex
from engine.base.log import KeptLog
from engine.core.partition import Partition
from engine.model.outcomes import LONGEST_MESSAGE
from engine.wire.batches import Batch, decode_replies, encode_batch
from engine.wire.commands import encode_command, join_commands
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section

app = Engine("bank")
TIME_NS = 1_764_000_000_000_000_000
Answers = list[dict[str, Any]]


class Open(Command, name="open"): ...


class Deposit(Command, name="deposit"):
    amount: int


class Split(Command, name="split", result=dict[str, int]):
    amounts: list[int]


class Withdraw(Command, name="withdraw"):
    amount: int


class Read(Command, name="read"): ...


def nested(levels: int) -> Any:
    value: Any = "text"
    for _ in range(levels):
        value = [value]
    return value


class OddRejection(Rejection):
    def __init__(self) -> None:
        self.code: Any = 7
        self.message = ""


class Stumble(Command, name="stumble", result=str):
    how: str


class Visit(Command, name="visit"): ...


class Opened(Event, name="opened"):
    at_ns: int
    by: int


class Moved(Event, name="moved"):
    amount: int


class Broke(Event, name="broke"):
    what: Any = None


class Visited(Event, name="visited"): ...


class Stray(Event, name="stray"): ...


@app.aggregate
class Account(Aggregate):
    def __init__(self, id: str) -> None:
        if id == "forbidden":
            raise ValueError("no such account can be")
        super().__init__(id)
        self.balance = 0

    @handles(Open, exists="must-not")
    def open(self, command: Open, stamp: Stamp) -> Opened:
        return Opened(at_ns=stamp.time_ns, by=stamp.sequence)

    @handles(Deposit, exists="may")
    def deposit(self, command: Deposit) -> Moved | None:
        return Moved(amount=command.amount) if command.amount else None

    @handles(Split)
    def split(self, command: Split) -> Decided:
        events = [Moved(amount=amount) for amount in command.amounts]
        return Decided(events, result={"balance": self.balance + sum(command.amounts)})

    @handles(Withdraw)
    def withdraw(self, command: Withdraw) -> Moved | Rejection:
        if command.amount < 0:
            raise reject("negative", "from deep inside")
        if command.amount > self.balance:
            return reject("too-little", f"only {self.balance}")
        return Moved(amount=-command.amount)

    @handles(Read)
    def read(self, command: Read) -> list[Event]:
        return []

    @handles(Stumble, exists="may")
    def stumble(self, command: Stumble, stamp: Stamp) -> Any:
        text: Any = command.how
        match command.how:
            case "raise":
                raise KeyError(f"{object()}")
            case "stray":
                return Stray()
            case "half":
                return [Moved(amount=1), Stray()]
            case "number":
                return 7
            case "misfit":
                return Moved(amount=text)
            case "misfit in a list":
                return [Moved(amount=1), Moved(amount=text)]
            case "own rejection":
                return OddRejection()
            case "own rejection raised":
                raise OddRejection()
            case "deep result":
                return Decided(Moved(amount=1), result=nested(1_100))
            case "code":
                return reject(*[text, 7])
            case "number as result":
                return Decided(Moved(amount=1), result=1)
            case "surrogate":
                return reject("odd", "\ud800")
            case "result":
                return Decided(Moved(amount=1), result=object())
            case "recursion":
                return self.stumble(command, stamp)
            case "rejection":
                raise reject("odd", object())  # type: ignore[arg-type]
            case "exit":
                raise SystemExit(3)
            case "event":
                return Broke(what=10**5000)  # which the plan lets pass
            case _:
                return Broke(what="apply")

    @applies(Opened)
    def _opened(self, event: Opened) -> None: ...

    @applies(Moved)
    def _moved(self, event: Moved) -> None:
        self.balance += event.amount

    @applies(Broke)
    def _broke(self, event: Broke) -> None:
        if event.what == "apply":
            raise ZeroDivisionError


@app.aggregate
class Guest(Aggregate):
    @handles(Visit, exists="may")
    def visit(self, command: Visit) -> Visited:
        return Visited()

    @applies(Visited)
    def _visited(self, event: Visited) -> None: ...


class Shelf:
    """An event store in a list."""

    def __init__(self) -> None:
        self.commits: list[Any] = []
        self.sequence = 0
        self.asked: list[int] = []

    def keep(self, batch: Batch) -> None:
        if batch.log:
            first, commits = record_decoder(app).decode(batch.log)
            assert first == len(self.commits) + 1
            self.commits += commits
        self.sequence = batch.last_sequence

    def has_command(self, id: str) -> bool:
        return any(commit.command == id for commit in self.commits)

    def stream(self, aggregate: str, upto: int) -> list[Any]:
        self.asked.append(upto)
        assert len(self.commits) >= upto, "it would wait for ever"
        return [commit for commit in self.commits[:upto] if commit.aggregate == aggregate]

    def stored(self) -> int:
        return self.sequence


class Bank:
    """A partition, and the sections that it is fed with."""

    def __init__(self, **options: Any) -> None:
        self.logged = KeptLog()
        self.core = Partition(app, 3, log=self.logged, **options)
        self.sections: list[bytes] = []
        self.batches: list[Batch] = []

    def section(self, *groups: tuple[bytes, list[Command | bytes]]) -> bytes:
        """The next section."""
        parts = [
            (who, len(some), join_commands(c if isinstance(c, bytes) else encode_command(c) for c in some))
            for who, some in groups
        ]
        previous = self.core.sequence
        return encode_section(previous + 1, previous, TIME_NS + previous, parts)

    def process(self, *groups: tuple[bytes, list[Command | bytes]]) -> dict[bytes, Answers]:
        """Feeds one section; returns the answers by client, after checking how many they are for."""
        self.sections.append(self.section(*groups))
        batch = self.core.process(self.sections[-1])
        self.batches.append(batch)
        answers: dict[bytes, Answers] = {}
        for who, count, body in decode_replies(batch.replies):
            found = msgspec.json.decode(b"[" + body + b"]")
            assert sum(len(answer.get("ids", [0])) for answer in found) == count
            answers.setdefault(who, []).extend(found)
        return answers

    def run(self, *commands: Command | bytes) -> Answers:
        """Answers to one client's commands; blocks taken apart, in the order of the commands."""
        singly: dict[str, dict[str, Any]] = {}
        for answer in self.process((b"me", list(commands))).get(b"me", []):
            ids = answer.pop("ids", None) or [answer["id"]]
            versions = answer.pop("versions", None)
            for k, id in enumerate(ids):
                one = {**answer, "id": id}
                if versions:
                    one |= {"version": versions[k], "position": answer["position"] + k}
                assert id not in singly
                singly[id] = one
        order = [c.id if isinstance(c, Command) else msgspec.json.decode(c)["id"] for c in commands]
        return [singly[id] for id in order if id in singly]

    def balance(self, name: str = "a") -> int:
        account = self.core.aggregates[name]
        assert isinstance(account, Account)
        return account.balance


@pytest.fixture
def bank() -> Bank:
    bank = Bank()
    bank.run(Open("a"), Deposit("a", amount=100))
    return bank


def test_a_commit_is_answered_with_version_partition_and_position(bank: Bank) -> None:
    command = Deposit("a", amount=5)
    assert bank.run(command) == [
        {"outcome": "committed", "id": command.id, "version": 3, "partition": 3, "position": 3}
    ]
    assert bank.balance() == 105


@pytest.mark.parametrize(
    ("command", "outcome", "code"),
    [
        (Read("a"), "unchanged", None),
        (Deposit("a", amount=0), "unchanged", None),
        (Split("a", amounts=[]), "unchanged", None),
        (Withdraw("a", amount=101), "rejected", "too-little"),
        (Withdraw("a", amount=-1), "rejected", "negative"),
        (Open("a"), "rejected", "already-exists"),
        (Withdraw("b", amount=1), "failed", "aggregate-unknown"),
        (Visit("a"), "failed", "wrong-aggregate"),
        (Deposit("a", amount=1, expected_version=1), "rejected", "wrong-version"),
        (Deposit("a", amount=1, expected_version=0), "rejected", "wrong-version"),
        (Deposit("b", amount=1, expected_version=1), "rejected", "wrong-version"),
        (Deposit("a", amount=1, expected_version=2), "committed", None),
        (Deposit("b", amount=1, expected_version=0), "committed", None),
        (Stumble("a", how="raise"), "failed", "handler-bug"),
        (Stumble("a", how="stray"), "failed", "handler-bug"),
        (Stumble("a", how="half"), "failed", "handler-bug"),
        (Stumble("a", how="number"), "failed", "handler-bug"),
        (Stumble("a", how="result"), "failed", "handler-bug"),
        (Stumble("a", how="recursion"), "failed", "handler-bug"),
        (Stumble("a", how="rejection"), "failed", "handler-bug"),
        (Stumble("a", how="exit"), "failed", "handler-bug"),
        (Stumble("a", how="deep result"), "failed", "handler-bug"),
        (Stumble("a", how="own rejection"), "failed", "handler-bug"),
        (Stumble("a", how="own rejection raised"), "failed", "handler-bug"),
        (Deposit("forbidden", amount=1), "failed", "handler-bug"),
    ],
)
def test_each_command_has_its_outcome_and_its_neighbours_run(
    bank: Bank, command: Command, outcome: str, code: str | None
) -> None:
    before, after = Deposit("a", amount=0), Deposit("c", amount=7)
    first, found, last = bank.run(before, command, after)
    assert (found["outcome"], found.get("code")) == (outcome, code)
    assert (first["outcome"], last["outcome"], bank.balance("c")) == ("unchanged", "committed", 7)
    moved = outcome == "committed" and command.aggregate == "a"
    assert bank.balance() == 100 + moved, "whatever failed has left nothing behind"
    assert bank.core.aggregates["a"].version == 2 + moved
    assert bank.core.aggregates.keys() - {"a", "c"} == ({"b"} if found.get("version") == 1 else set())
    assert len(bank.logged) == (code == "handler-bug")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"deposit","aggregate":"a","amount":"x","id":"%s"}', "malformed"),
        (b'{"type":"borrow","aggregate":"a","id":"%s"}', "unknown-command"),
    ],
)
def test_what_does_not_decode_is_answered_and_its_neighbours_run(bank: Bank, body: bytes, code: str) -> None:
    bad = body % uuid7_hex().encode()
    first, found, last = bank.run(Deposit("a", amount=1), bad, Deposit("a", amount=2))
    assert (found["outcome"], found["code"]) == ("failed", code)
    assert (first["version"], last["version"]) == (3, 4)
    assert bank.run(bad) == [found], "remembered like every outcome"


def test_a_refusal_quotes_no_more_of_its_command_than_can_be_remembered(bank: Bank) -> None:
    body = b'{"type":"%s","aggregate":"a","id":"%s"}' % (b"x" * 200_000, uuid7_hex().encode())
    (found,) = bank.run(body)
    assert (found["code"], len(found["message"])) == ("unknown-command", LONGEST_MESSAGE)
    assert found["message"].startswith("no handler for xxx")
    assert found["message"].endswith("x…")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("number", "Account.stumble returned a value of type int: return an event"),
        ("half", "Account.stumble returned Stray, which its aggregate does not apply"),
    ],
)
def test_what_is_no_decision_is_answered_with_the_method_that_returned_it(
    bank: Bank, how: str, said: str
) -> None:
    (answer,) = bank.run(Stumble("a", how=how))
    assert answer["message"].startswith(said)


@pytest.mark.parametrize("how", ["misfit", "misfit in a list"])
def test_an_event_that_could_not_be_read_again_is_a_bug_of_its_handler_and_is_not_stored(
    bank: Bank, how: str
) -> None:
    (answer, after) = bank.run(Stumble("a", how=how), Deposit("a", amount=1))
    said = "Account.stumble returned Moved, which does not fit its class: amount: Expected `int`, got `str`"
    assert answer["code"] == "handler-bug"
    assert answer["message"].startswith(said)
    assert (after["outcome"], after["version"]) == ("committed", 3)


def test_a_rejection_whose_code_is_no_text_is_a_bug_of_its_handler(bank: Bank) -> None:
    (answer,) = bank.run(Stumble("a", how="code"))
    assert answer["outcome"] == "failed"
    assert answer["message"] == "a rejection is a code and a message, both texts; its message is int"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("number as result", "a result that does not fit Stumble: Expected `str`, got `int`"),
        ("result", "a result that does not fit Stumble: Encoding objects of type object is unsupported"),
    ],
)
def test_a_result_that_its_client_could_not_read_is_a_bug_of_its_handler(
    bank: Bank, how: str, said: str
) -> None:
    (answer,) = bank.run(Stumble("a", how=how))
    assert answer["message"] == f"Account.stumble returned {said}"


def test_a_rejection_that_cannot_be_encoded_is_a_bug_of_its_handler(bank: Bank) -> None:
    (answer,) = bank.run(Stumble("a", how="surrogate"))
    assert answer["message"] == "the message of a rejection cannot be encoded"


def test_a_bug_is_logged_with_its_place_and_answered_without_what_differs_from_run_to_run(bank: Bank) -> None:
    (answer,) = bank.run(Stumble("a", how="raise"))
    assert answer["message"] == "the handler raised KeyError"
    (line,) = bank.logged
    assert "test_partition.py" in line
    assert "KeyError" in line
    assert "object at 0x" in line


def test_several_events_of_a_command_are_one_entry_with_one_version(bank: Bank) -> None:
    (answer,) = bank.run(Split("a", amounts=[1, 2, 3]))
    assert (answer["version"], answer["position"], answer["result"]) == (3, 3, {"balance": 106})
    first, commits = msgspec.json.decode(bank.batches[-1].log)
    assert first == 3
    assert [event["amount"] for event in commits[0][5]] == [1, 2, 3]
    assert commits[0][6] == {"balance": 106}


def test_results_and_plain_commits_of_one_message_all_come_back(bank: Bank) -> None:
    answers = bank.run(Deposit("a", amount=1), Split("a", amounts=[4]), Deposit("b", amount=9))
    assert [(a["version"], a["position"]) for a in answers] == [(3, 3), (4, 4), (1, 5)]
    assert [a.get("result") for a in answers] == [None, {"balance": 105}, None]


def test_a_handler_sees_the_stamp_of_its_own_command() -> None:
    bank = Bank()
    bank.run(Open("x"), Open("y"))
    bank.run(Open("z"))
    events = [commit[5][0] for batch in bank.batches for commit in msgspec.json.decode(batch.log)[1]]
    assert [(event["at_ns"] - TIME_NS, event["by"]) for event in events] == [(0, 1), (1, 2), (2, 3)]


def test_answers_go_to_who_asked(bank: Bank) -> None:
    one, two, three = Deposit("a", amount=1), Deposit("a", amount=2), Withdraw("a", amount=999)
    answers = bank.process((b"x", [one]), (b"y", [two, three]))
    assert [a["ids"] for a in answers[b"x"]] == [[one.id]]
    assert [(a["outcome"], a.get("ids") or a["id"]) for a in answers[b"y"]] == [
        ("rejected", three.id),
        ("committed", [two.id]),
    ]
    assert [a["position"] for a in (*answers[b"x"], answers[b"y"][1])] == [3, 4]


def test_keys_and_heads_point_at_what_was_committed(bank: Bank) -> None:
    one, two = Deposit("a", amount=1), Deposit("b", amount=2)
    bank.run(one, two, Deposit("a", amount=0))
    batch = bank.batches[-1]
    assert (batch.first_sequence, batch.last_sequence, batch.first_position, batch.commits) == (3, 5, 3, 2)
    a, b = aggregate_key(NO_INDEX_KEY, "a"), aggregate_key(NO_INDEX_KEY, "b")
    assert batch.keys == bytes.fromhex(one.id) + a + bytes.fromhex(two.id) + b
    assert batch.heads == a + (3).to_bytes(8, "big") + b + (1).to_bytes(8, "big")
    assert [answer["outcome"] for answer in msgspec.json.decode(batch.outcomes)] == ["unchanged"]


def test_a_committed_command_again_has_no_effect_and_is_left_to_the_store(bank: Bank) -> None:
    command = Deposit("a", amount=5)
    bank.run(command)
    answers = bank.process((b"x", [command, Deposit("a", amount=1), command]), (b"y", [command]))
    assert len(answers) == 1
    assert msgspec.json.decode(bank.batches[-1].duplicates) == [
        ["eA==", command.id], ["eA==", command.id], ["eQ==", command.id]
    ]  # fmt: skip
    assert bank.balance() == 106
    assert bank.batches[-1].commits == 1


def test_a_command_twice_in_one_section_takes_effect_once(bank: Bank) -> None:
    command, no = Deposit("a", amount=5), Withdraw("a", amount=999)
    answers = bank.process((b"x", [command, no]), (b"y", [command, no]))
    assert bank.balance() == 105
    assert msgspec.json.decode(bank.batches[-1].duplicates) == [["eQ==", command.id]]
    assert answers[b"y"] == [answer for answer in answers[b"x"] if answer["outcome"] == "rejected"]


def test_a_rejected_command_is_rejected_again_though_it_could_succeed_now(bank: Bank) -> None:
    command = Withdraw("a", amount=150)
    first = bank.run(command)
    bank.run(Deposit("a", amount=100))
    assert bank.run(command) == first
    assert bank.batches[-1].outcomes == b"", "remembered already"
    assert bank.balance() == 200


def test_a_commit_older_than_the_window_is_found_in_the_store() -> None:
    shelf = Shelf()
    bank = Bank(window=5, archive=shelf)
    late, no = Deposit("a", amount=1), Withdraw("nobody", amount=1)
    bank.run(late, no)
    shelf.keep(bank.batches[-1])
    for _ in range(4):
        bank.run(*(Deposit("a", amount=1) for _ in range(5)))
    balance = bank.balance()
    assert [answer["code"] for answer in bank.run(late, no)] == ["aggregate-unknown"], "decided anew"
    assert len(msgspec.json.decode(bank.batches[-1].duplicates)) == 1
    assert bank.balance() == balance


def test_a_missing_section_is_noticed(bank: Bank) -> None:
    body = b"[" + msgspec.json.encode(Deposit("a", amount=1)) + b"]"
    with pytest.raises(InvariantBroken, match="a section is missing"):
        bank.core.process(encode_section(9, 8, TIME_NS, [(b"me", 1, body)]))


@pytest.mark.parametrize("count", [0, 2])
def test_a_section_that_miscounts_its_commands_is_noticed(bank: Bank, count: int) -> None:
    body = b"[" + msgspec.json.encode(Deposit("a", amount=1)) + b"]"
    with pytest.raises(InvariantBroken, match="more or fewer commands"):
        bank.core.process(encode_section(3, 2, TIME_NS, [(b"me", count, body)]))


COMMANDS = st.one_of(
    st.builds(Open, st.sampled_from("abc"), id=st.builds(uuid7_hex)),
    st.builds(Deposit, st.sampled_from("abc"), amount=st.integers(0, 9), id=st.builds(uuid7_hex)),
    st.builds(Withdraw, st.sampled_from("abc"), amount=st.integers(-1, 9), id=st.builds(uuid7_hex)),
    st.builds(Split, st.sampled_from("abc"), amounts=st.lists(st.integers(0, 9), max_size=3)),
    st.builds(Visit, st.sampled_from("abg")),
    st.builds(Stumble, st.sampled_from("abc"), how=st.sampled_from(["raise", "half", "stray"])),
)
SECTIONS = st.lists(st.lists(COMMANDS, min_size=1, max_size=8), min_size=1, max_size=6)


def states(core: Partition) -> dict[str, Any]:
    return {
        name: (type(a), a.version, a.engine_key, getattr(a, "balance", None))
        for name, a in core.aggregates.items()
    }


@settings(max_examples=60, deadline=None)
@given(SECTIONS, st.randoms(use_true_random=False))
def test_replay_gives_the_same_bytes_and_loading_the_same_state(
    sections: list[list[Command]], random: Any
) -> None:
    live = Bank(window=6)
    sent: list[Command] = []
    for commands in sections:
        again = random.sample(sent, min(len(sent), 2))
        live.process(*((bytes([c % 3 + 1]), [command]) for c, command in enumerate([*commands, *again])))
        sent += commands
    replay = Bank(window=6)
    for section, batch in zip(live.sections, live.batches, strict=True):
        assert encode_batch(replay.core.process(section)) == encode_batch(batch)
    assert states(replay.core) == states(live.core)

    loaded = Bank().core
    decode = record_decoder(app).decode
    for batch in live.batches:
        if batch.log:
            loaded.load(*decode(batch.log))
    assert states(loaded) == states(live.core)
    assert loaded.position == live.core.position


@settings(max_examples=30, deadline=None)
@given(st.lists(COMMANDS, min_size=2, max_size=20), st.integers(1, 19))
def test_events_do_not_depend_on_how_commands_were_grouped(commands: list[Command], cut: int) -> None:
    whole, parted = Bank(), Bank()
    whole.run(*commands)
    for some in (commands[:cut], commands[cut:]):
        if some:
            parted.run(*some)
    entries = [
        list(itertools.chain(*(msgspec.json.decode(b.log)[1] for b in bank.batches if b.log)))
        for bank in (whole, parted)
    ]
    assert entries[0] == entries[1]


def test_a_restart_in_the_middle_knows_what_was_committed_before(bank: Bank) -> None:
    command = Deposit("a", amount=5)
    bank.run(command)
    shelf = Shelf()
    for batch in bank.batches:
        shelf.keep(batch)
    again = Bank(archive=shelf)
    for batch in bank.batches:
        again.core.load(*record_decoder(app).decode(batch.log))
    again.core.settle(bank.core.sequence, command.id)
    again.process((b"x", [command]))
    assert again.balance() == 105
    assert msgspec.json.decode(again.batches[-1].duplicates) == [["eA==", command.id]]


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (b'[2,[["a",1,"00",1,1,[{"type":"moved","amount":1}]]]]', "positions are not contiguous"),
        (b'[1,[["a",2,"00",1,1,[{"type":"moved","amount":1}]]]]', "versions are not contiguous"),
    ],
)
def test_stored_events_with_a_gap_are_not_loaded(log: bytes, says: str) -> None:
    with pytest.raises(CorruptData, match=says):
        Bank().core.load(*record_decoder(app).decode(log))
