"""Transfers between many accounts while parts of their host are killed; then the history is audited."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine import Client
from examples.bank_transfer.audit import audit
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from tests.deadline import until
from tests.examples.following import History
from tests.examples.hosts import Host

APP = "examples.bank_transfer:app"
OPENING = 10_000
SETTINGS = {"segment_bytes": "4MiB", "max_message_bytes": "256KiB", "checkpoint_ms": 100}
PATIENCE_S = 120.0


@dataclass
class Report:
    """What happened, and every broken rule."""

    killed: Counter[str] = field(default_factory=Counter)
    transfers: Counter[str] = field(default_factory=Counter)
    positions: int = 0
    shown: dict[str, int] = field(default_factory=dict)  # the sum of money as the view has it
    broken: list[str] = field(default_factory=list)


def run(
    host: Host,
    *,
    accounts: int,
    transfers: int,
    kills_each: int,
    seed: int,
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """One run: a portion of the transfers is started after each kill."""
    report, draw = Report(), random.Random(seed)
    names = [f"account-{number}" for number in range(accounts)]
    wanted = [_transfer(number, names, draw) for number in range(transfers)]
    with host, Client(host.gates) as client:
        opened = client.send_many(OpenAccount(name, amount=OPENING) for name in names)
        assert all(receipt.ok for receipt in opened)
        history = History(host.data, host.partitions)
        killer = host.killer(kills_each, seed)
        portion = transfers // max(1, killer.left) + 1
        killer.start()
        try:
            while wanted:
                some = [wanted.pop() for _ in range(min(portion, len(wanted)))]
                started = client.send_many(some, timeout_s=PATIENCE_S)
                report.broken += [f"not started: {receipt}" for receipt in started if not receipt.ok]
                killer.await_next(60)
                tell(f"{killer.left} kills and {len(wanted)} transfers to come")
            killer.join(PATIENCE_S)
        finally:
            killer.stop()
        ended: Counter[str] = Counter()

        def all_ended() -> bool:
            for commit in history.new():
                ended.update(event["type"] for event in commit.events)
            return ended["transfer.finished"] + ended["transfer.failed"] >= transfers

        until(all_ended, PATIENCE_S, "every transfer has ended")
        for partition, position in enumerate(history.positions):
            client.query("money", "positions", at_least=(partition, position), timeout_s=30)
        report.shown = client.query("money", "sum")
        report.transfers.update(client.query("money", "transfers"))
        history.new()
        history.close()
        report.broken += host.stop()
    report.broken += audit(history.in_order())
    report.positions = sum(history.positions)
    report.killed = Counter(killer.killed)
    return report


def _transfer(number: int, names: list[str], draw: random.Random) -> StartTransfer:
    source, target = draw.sample(names, 2)
    if number % 20 == 0:
        target = "unopened-account"
    amount = draw.randint(1, OPENING)
    return StartTransfer(f"transfer-{number}", source=source, target=target, amount=amount)
