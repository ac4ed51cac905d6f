"""A small data directory with everything in it that a node keeps, and what a start on a damaged copy of it
may come to: all of it as it was, or a refusal in one line."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from engine import Client, Node
from engine.base.errors import Exit, Fault, RingfoldError
from engine.base.identity import uuid7_hex
from engine.journal.poisoned import write_poisoned
from engine.journal.refused import add_refused
from engine.node.data_directory import DataDirectory
from engine.node.failure import failure_of, write_failure
from engine.node.status import State
from engine.stages.scrubbing import scrub_at_start
from engine.testing import InlineEngine
from examples.bank_transfer import app
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from tests.deadline import until

APP = "examples.bank_transfer:app"
SETTINGS = {
    "partitions": 2,
    "segment_bytes": "64KiB",
    "max_message_bytes": "16KiB",
    "checkpoint_ms": 20,
    "snapshot_events": 40,
}
ACCOUNTS, TRANSFERS = 10, 40
BEYOND = 1 << 40  # a sequence that is never reached
FIRST = OpenAccount("account-0", id=uuid7_hex(), amount=100)


class Content(NamedTuple):
    """What a start gives back: the log, the view, and the answer to a command that was sent before."""

    log: list[tuple[int, Any]]
    view: list[Any]
    receipt: Any


def make(data: Path) -> None:
    """A node makes it, and stops in order."""
    with Node(data, app=APP, settings=SETTINGS, log=data.with_suffix(".log")) as node:
        with Client(node.endpoints) as client:
            assert client.send(FIRST).ok
            accounts = [OpenAccount(f"account-{n}", amount=100) for n in range(1, ACCOUNTS)]
            assert all(one.ok for one in client.send_many(accounts))
            for n in range(TRANSFERS):
                source, target = f"account-{n % ACCOUNTS}", f"account-{(n + 3) % ACCOUNTS}"
                transfer = StartTransfer(f"transfer-{n}", source=source, target=target, amount=n + 1)
                assert client.send(transfer).ok
            until(lambda: client.query("money", "sum")["under_way"] == 0, 30)
            until(lambda: sum(client.query("money", "transfers").values()) == TRANSFERS, 30)
        assert node.page is not None
        snapshots = node.page.slot("snapshotter")
        until(lambda: snapshots.snapshots_taken >= 2, 30)
    directory = DataDirectory(data)
    write_poisoned(directory.poisoned(0), [BEYOND])
    add_refused(directory.refused(1), BEYOND, "it never was")
    write_failure(directory.failure("projector-other"), failure_of("it never was", "0" * 32))


def files_of(data: Path) -> list[Path]:
    """All files in it, relative, with something in them."""
    every = (path for path in sorted(data.rglob("*")) if path.is_file() and path.stat().st_size)
    return [path.relative_to(data) for path in every]


def copy(data: Path, to: Path) -> Path:
    """A fresh copy, in place of an older one."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(data, to)
    return to


def flip(path: Path, offset: int, bit: int) -> None:
    """Flips one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def start(data: Path) -> Content:
    """A start in this process, by the stages of a node. RingfoldError if it is refused."""
    scrub_at_start(DataDirectory(data), lambda: None)
    with InlineEngine(app, data, partitions=2) as engine:
        engine.settle()
        receipt = engine.send(FIRST)
        names = [f"account-{n}" for n in range(ACCOUNTS)]
        view = [engine.query("money", "balance", {"id": name}) for name in names]
        view += [engine.query("money", query) for query in ("sum", "transfers")]
    return Content(log_of(data), view, receipt)


def log_of(data: Path) -> list[tuple[int, Any]]:
    """All commits of all partitions."""
    commits = []
    for reader in DataDirectory(data).readers():
        commits += list(reader.commits())
        reader.close()
    return commits


def append(data: Path) -> None:
    """Sends a command that makes a difference."""
    with InlineEngine(app, data, partitions=2) as engine:
        assert engine.send(OpenAccount("account-of-later", amount=5)).ok
        engine.settle()


def outcome(data: Path, sound: Content) -> str:
    """What the start came to: `right`, `refused: …`, or what is wrong. If it is right, so must be what is
    appended, and the start after that."""
    try:
        found = start(data)
    except RingfoldError as error:
        text = str(error)
        return f"refused: {text}" if "\n" not in text and str(data) in text else f"not named: {error!r}"
    if found != sound:
        return "wrong"
    append(data)
    again = start(data)
    if again.log[: len(sound.log)] != sound.log and len(again.log) != len(sound.log) + 1:
        return "wrong after an append"
    return "right" if again.receipt == sound.receipt else "another answer after an append"


def outcome_of_a_node(data: Path, sound: Content) -> str:
    """The same, of a node of its own. A follower that it does without is refused too; its log has one line a
    fault, and no traceback."""
    log = data.with_suffix(".log")
    log.unlink(missing_ok=True)
    node = Node(data, app=APP, log=log)
    try:
        node.start()
    except Fault as error:
        code = error.facts.get("exit_code")
        return judged(log, data, "refused") if code in (Exit.CONFIG, Exit.CORRUPT) else f"ended: {error}"
    try:
        with Client(node.endpoints) as client:
            receipt = client.send(FIRST)
            assert node.page is not None
            if any(node.page.slot(name).state == State.FAILED for name in node.pids):
                return judged(log, data, "refused")
            view = [client.query("money", "balance", {"id": f"account-{n}"}) for n in range(ACCOUNTS)]
            view += [client.query("money", query) for query in ("sum", "transfers")]
    finally:
        node.stop()
    found = Content(log_of(data), view, receipt)
    return judged(log, data, "right") if found == sound else f"wrong: {found}"


def judged(log: Path, data: Path, outcome: str) -> str:
    """What the log of a node says to its outcome."""
    text = log.read_text()
    if "Traceback" in text:
        return f"traceback: {text}"
    return outcome if outcome == "right" or str(data) in text else f"not named: {text}"
