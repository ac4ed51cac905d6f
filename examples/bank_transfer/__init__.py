"""Money moves between accounts, and none is lost on the way. `python -m examples.bank_transfer` runs it.

Reading order: messages, account and transfer (the two aggregates), clerk (the process manager between them),
money (the view), audit (the rules, as a pure check of a history).
"""

from collections.abc import Mapping

from engine import Engine
from examples.bank_transfer.account import Account
from examples.bank_transfer.clerk import Clerk
from examples.bank_transfer.money import Money
from examples.bank_transfer.transfer import Transfer


def create(settings: Mapping[str, str]) -> Engine:
    """What `--app examples.bank_transfer:create` names."""
    app = Engine("bank")
    app.aggregate(Account)
    app.aggregate(Transfer)
    app.process("clerk")(Clerk)
    app.projection("money", version=1)(Money)
    return app
