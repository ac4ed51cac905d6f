"""The examples of docs/PROTOCOL.md, run through the node's own code: the page cannot be wrong unnoticed."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from engine import Aggregate, Command, Engine, Event, Node, Rejection, applies, handles, reject
from engine.base.identity import NO_INDEX_KEY
from engine.client.conversation import Conversation
from engine.core.partition import Partition
from engine.follow import questions
from engine.model.describing import CODES, describe
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores
from engine.stages import query_desk
from engine.stages.gate import Gate, Limits
from engine.stages.storing import Storing
from engine.store import Writer
from engine.testing.wires import DeskWire, Wire, as_socket
from engine.wire import doorbell, queries
from engine.wire.batches import decode_replies
from engine.wire.commands import ids_are_canonical
from engine.wire.log import record_decoder
from engine.wire.queries import MAX_REQUEST_BYTES
from engine.wire.sections import encode_section

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
EXAMPLES = re.findall(r"^```json (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TIME_NS = 1_764_000_000_000_000_000
app = Engine("stock")


class Take(Command, name="stock.take", rejects=("sold-out",)):
    count: int


class Taken(Event, name="stock.taken"):
    count: int


@app.aggregate
class Stock(Aggregate):
    left = 10

    @handles(Take, exists="may")
    def take(self, command: Take) -> Taken | Rejection:
        return Taken(count=command.count) if command.count <= self.left else self._no()

    def _no(self) -> Rejection:
        return reject("sold-out", f"only {self.left} left")

    @applies(Taken)
    def _taken(self, event: Taken) -> None:
        self.left -= event.count


class Stages:
    """Gate, core and store in a row, without processes."""

    def __init__(self, folder: Path) -> None:
        self.gate = Gate(Limits.of(Config()), 1)
        self.core = Partition(app, 0)
        self.store = Writer(folder, 1 << 24, index_key=NO_INDEX_KEY)
        self.storing = Storing(self.store, 0, folder / "refused")

    def send(self, frame: bytes) -> Iterator[list[Any]]:
        """The frames that come back for one."""
        admitted = self.gate.admit([(b"me", frame)], TIME_NS)
        for _, body in admitted.refused + admitted.accepted:
            yield json.loads(b"[" + body + b"]")
        if admitted.groups:
            first = self.core.sequence + 1
            batch = self.core.process(encode_section(first, first - 1, TIME_NS, admitted.groups[0]))
            replies = b"".join(chain.from_iterable(self.storing.store([batch]).answers))
            yield json.loads(b"[" + b",".join(body for _, _, body in decode_replies(replies)) + b"]")


def examples(*kinds: str) -> list[bytes]:
    return [text.encode() for kind, text in EXAMPLES if kind in kinds]


def test_every_json_example_is_of_a_known_kind() -> None:
    assert {kind for kind, _ in EXAMPLES} == {
        "endpoints", "send", "refused", "answer", "ask", "told", "read", "page", "record", "description"
    }  # fmt: skip
    assert PAGE.count("```json") == len(EXAMPLES)


def test_the_page_read_from_top_to_bottom_is_a_conversation_with_the_node(tmp_path: Path) -> None:
    DataDirectory(tmp_path).open("stock", "", 1, given=False)
    node = Stages(DataDirectory(tmp_path).store(0))
    waiting: Iterator[list[Any]] = iter(())
    talked = 0
    for kind, text in EXAMPLES:
        if kind in ("send", "refused"):
            assert next(waiting, None) is None, "the page leaves out an answer"
            waiting = node.send(text.encode())
        elif kind == "answer" and '"busy"' not in text:
            assert json.loads(text) == next(waiting)
            talked += 1
    assert next(waiting, None) is None
    assert talked >= 8
    node.store.close()
    stores = Stores(tmp_path)
    reader = ReaderQuestions(stores, lambda: app)
    assert told_by(reader, examples("read")) == [json.loads(frame) for frame in examples("page")]
    store = stores.reader(0)
    assert store is not None
    _, stored = next(store.records())
    assert json.loads(stored) == json.loads(examples("record")[0])
    stores.close()


@pytest.mark.parametrize("frame", examples("answer"))
def test_the_client_understands_every_answer_of_the_page(frame: bytes) -> None:
    for answer in json.loads(frame):
        talk = Conversation()
        ids = answer.get("ids") or [answer["id"]]
        if not ids_are_canonical(ids):
            continue  # which a client of ours does not send
        commands = [Take("apples", id=id, count=1) for id in ids]
        tickets = [talk.submit(command, "accepted", 0.0, 10.0) for command in commands]
        list(talk.outgoing(0.0))
        done = talk.incoming(json.dumps([answer]).encode(), 0.1)
        if answer["outcome"] == "busy":
            assert done == []
            late = [ticket.receipt for ticket in talk.expire(10.0)]
            assert [(r.outcome, r.message) for r in late if r] == [("busy", answer["reason"])]
            continue
        assert done == tickets
        for k, ticket in enumerate(tickets):
            assert ticket.receipt is not None
            assert ticket.receipt.outcome == answer["outcome"]
            assert ticket.receipt.code == answer.get("code", "")
            if answer["outcome"] == "committed":
                versions = answer.get("versions") or [answer["version"]]
                assert ticket.receipt.version == versions[k]
                assert ticket.receipt.at == (0, answer["position"] + k)


def test_requests_and_answers_of_the_page_are_those_of_the_desk() -> None:
    answers = object.__new__(questions.Questions)  # without a view
    answers.positions, answers.names, answers._questions = [4], ["left"], {}
    answers._add("left", dict[str, str], lambda asked: 2)
    assert told_by(answers, examples("ask")) == [json.loads(frame) for frame in examples("told")]


def told_by(answers: query_desk.Answers, requests: list[bytes]) -> list[Any]:
    """What a desk with these answers sends back."""
    wire, mine = DeskWire(), Wire(lambda _: None, lambda: None)
    wire.routes[b"me"] = mine
    wire.requests += [[b"me", request] for request in requests]
    query_desk.Desk(as_socket(wire), answers).serve()
    return [json.loads(frame) for frame in mine.inbox]


def test_the_description_on_the_page_is_that_of_its_application() -> None:
    assert [json.loads(text) for text in examples("description")] == [json.loads(json.dumps(describe(app)))]


def test_the_endpoints_of_the_page_are_those_that_a_node_writes(tmp_path: Path) -> None:
    (shown,) = [json.loads(text) for text in examples("endpoints")]
    with Node(tmp_path / "data", app="examples.notes:app", log=tmp_path / "log"):
        written = json.loads((tmp_path / "data" / "endpoints.json").read_bytes())
        assert {key for key in shown if type(shown[key]) is not type(written.get(key))} == set()
        limits = [key for key in shown if key.startswith("max_")]
        assert [shown[key] for key in limits] == [written[key] for key in limits]


def test_the_record_of_the_page_decodes_to_typed_events() -> None:
    ((first, commits),) = [record_decoder(app).decode(frame) for frame in examples("record")]
    assert (first, commits[0].aggregate, commits[0].events) == (1, "apples", [Taken(count=3)])
    head = b"\0\1" + b"\0" * 7 + b"\2" + b"\0" * 7 + b"\3"
    assert doorbell.encode_notice(1, 2, 3, b"{}") == head + b"{}"


_MAKERS = (
    "refuse",
    "Failed", "Rejected", "Failure", "Rejection", "Malformed.of", "_refuse", "partition.refuse", "Refused"
)  # fmt: skip


def codes_of(*modules: Path) -> set[Any]:
    """The codes given wherever an answer with a code is made."""
    codes = set()
    for path in modules:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if ast.unparse(call.func).removeprefix("self.").removeprefix("queries.") in _MAKERS:
                constants = [value.value for value in call.args if isinstance(value, ast.Constant)]
                codes |= {text for text in constants if re.fullmatch(r"[a-z]+(-[a-z]+)*", str(text))}
    return codes


ENGINE = ROOT / "engine"
ABOUT_COMMANDS = [
    *sorted((ENGINE / "core").glob("*.py")),
    ENGINE / "wire" / "commands.py",
    ENGINE / "stages" / "gate.py",
    ENGINE / "stages" / "poison.py",
]
ABOUT_QUERIES = [
    ENGINE / "follow" / "questions.py",
    ENGINE / "reading" / "questions.py",
    ENGINE / "stages" / "query_desk.py",
    ENGINE / "stages" / "serving.py",
]


def test_every_code_of_the_engine_is_on_the_page() -> None:
    codes = codes_of(*ABOUT_COMMANDS, *ABOUT_QUERIES)
    assert {"aggregate-unknown", "wrong-version", "too-many", "too-large", "behind", "malformed"} <= codes
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def test_the_description_has_every_code_that_commands_are_answered_with() -> None:
    assert {code for some in CODES.values() for code in some} == codes_of(*ABOUT_COMMANDS)


def test_the_limits_on_the_page_are_the_defaults() -> None:
    config = Config()
    assert (config.max_message_bytes, MAX_REQUEST_BYTES) == (1 << 20, 64 << 10)
    for number in (config.max_commands_per_message, config.max_in_flight_per_client, config.duplicate_window):
        assert f"{number:,}" in PAGE
    names = ("message_bytes", "commands_per_message", "in_flight_per_client")
    assert [name for name in names if f"`max_{name}`" not in PAGE or not hasattr(config, f"max_{name}")] == []
    assert queries.DEFAULT_TIMEOUT_MS == 1000
    assert (query_desk.LONGEST_TIMEOUT_MS, query_desk.MAX_WAITING) == (60_000, 10_000)
