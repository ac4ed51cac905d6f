"""`python -m examples.bank_transfer`: accounts, transfers between them, kills on the way, and an audit."""

import os
import random
import signal
from collections.abc import Iterator
from typing import Any

from engine import Client, EventLog, Node
from examples.bank_transfer.audit import audit
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from examples.bank_transfer.money import Money
from examples.temporary import temporary_node

ACCOUNTS, TRANSFERS, OPENING = 100, 1_000, 10_000
PATIENCE_S = 60.0


def main() -> None:
    """Tells the story on standard output."""
    with temporary_node("examples.bank_transfer:app") as (node, client):
        accounts = [f"account-{number}" for number in range(ACCOUNTS)]
        client.send_many(OpenAccount(account, amount=OPENING) for account in accounts)
        print(f"{ACCOUNTS} accounts are opened with {OPENING} each")
        transfers = wanted(accounts, random.Random(1))
        for number in range(0, TRANSFERS, TRANSFERS // 4):
            client.send_many(transfers[number : number + TRANSFERS // 4], timeout_s=PATIENCE_S)
            strike(node, ("manager-clerk", "core-0", "output-0", "projector-money")[number * 4 // TRANSFERS])
        ended = wait_until_all_ended(client)
        print(f"{TRANSFERS} transfers have ended: {ended}")
        print("the sum of money, as the view has it:", client.query(Money.sum))
        history = list(commits(node))
        broken = list(audit(history))
        print(f"audit: {len(history)} positions, {len(broken)} broken rules")
        for line in broken:
            print("  ", line)


def wanted(accounts: list[str], draw: random.Random) -> list[StartTransfer]:
    """Transfers between accounts; one in fifty goes to an account that was never opened."""
    found = []
    for number in range(TRANSFERS):
        source, target = draw.sample(accounts, 2)
        if number % 50 == 0:
            target = "unopened-account"
        amount = draw.randint(1, OPENING // 2)
        found.append(StartTransfer(f"transfer-{number}", source=source, target=target, amount=amount))
    return found


def strike(node: Node, name: str) -> None:
    """Kills a process of the node, which starts it again."""
    os.kill(node.pids[name], signal.SIGKILL)
    print(f"{name} is killed")


def wait_until_all_ended(client: Client) -> dict[str, int]:
    """The number of transfers by outcome. TimeoutError if some do not end."""

    def have_ended(counts: dict[str, int]) -> bool:
        return sum(counts.values()) == TRANSFERS and "started" not in counts

    return client.until(Money.transfers, predicate=have_ended, timeout_s=PATIENCE_S)


def commits(node: Node) -> Iterator[Any]:
    """The history of the node, which has one partition."""
    with EventLog(node.data) as log:
        for entry in log.read():
            yield entry.commit


if __name__ == "__main__":
    main()
