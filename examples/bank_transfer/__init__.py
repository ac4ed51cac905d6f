"""Money moves between accounts, and none is lost on the way. `python -m examples.bank_transfer` runs it.

Reading order: messages, account and transfer (the two aggregates), clerk (the process manager between them),
money (the view), audit (the rules, as a pure check of a history).
"""

from engine import Engine
from examples.bank_transfer.account import Account
from examples.bank_transfer.clerk import Clerk
from examples.bank_transfer.money import Money
from examples.bank_transfer.transfer import Transfer

app = Engine("bank", aggregates=[Account, Transfer], process_managers=[Clerk], projections=[Money])
"""What `--app examples.bank_transfer:app` names."""
