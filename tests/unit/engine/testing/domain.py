"""A small application for the kit's own tests, with mistakes to be found."""

import random
from datetime import timedelta
from typing import Any, ClassVar

from engine import (
    Aggregate,
    Command,
    Commit,
    Decided,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Refusal,
    Rejection,
    Send,
    Table,
    applies,
    handles,
    on,
    query,
    refused,
    reject,
)

app = Engine("kit-test")


class Deposit(Command, name="account.deposit"):
    amount: int


class Withdraw(Command, name="account.withdraw"):
    amount: int


class Cheat(Command, name="account.cheat"):
    how: str


class Remind(Command, name="account.remind"):
    text: str


class Deposited(Event, name="account.deposited"):
    amount: int


class Withdrawn(Event, name="account.withdrawn"):
    amount: int


class Reminded(Event, name="account.reminded"):
    text: str


@app.aggregate
class Account(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.balance = 0
        self.seen = 0

    @handles(Deposit, exists="may")
    def deposit(self, command: Deposit) -> Deposited | None:
        return Deposited(command.amount) if command.amount else None

    @handles(Withdraw)
    def withdraw(self, command: Withdraw) -> Decided | Rejection:
        if command.amount > self.balance:
            return reject("too-little", f"only {self.balance}")
        return Decided(Withdrawn(command.amount), result=self.balance - command.amount)

    @handles(Cheat, exists="may")
    def cheat(self, command: Cheat) -> Any:
        if command.how == "in-decide":
            self.balance += 100
            return Deposited(1)
        if command.how == "and-refuse":
            self.balance += 100
            return reject("no")
        raise KeyError("oh")

    @handles(Remind, exists="may")
    def remind(self, command: Remind) -> Reminded:
        return Reminded(command.text)

    @applies(Deposited)
    def _deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    @applies(Withdrawn)
    def _withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount

    @applies(Reminded)
    def _reminded(self, event: Reminded) -> None:
        self.seen += 1


class Put(Command, name="basket.put"):
    what: str


class Draw(Command, name="basket.draw"): ...


class Filled(Event, name="basket.filled"):
    items: list[str]


class PutIn(Event, name="basket.put-in"):
    what: str


class Drawn(Event, name="basket.drawn"):
    chance: float


@app.aggregate(idle_s=10.0)
class Basket(Aggregate):
    """Made of mistakes that show only when the same is done again: elsewhere, or many at once."""

    shared: ClassVar[list[str]] = []
    table: ClassVar[dict[str, Any]] = {"a table of functions is no state": len}

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.items: list[str] = []
        self.full = False

    @handles(Put, exists="may")
    def put(self, command: Put) -> Filled | PutIn | Rejection:
        if self.full:
            return reject("full")
        return PutIn(command.what) if self.items else Filled([command.what])

    @handles(Draw, exists="may")
    def draw(self, command: Draw) -> Drawn:
        return Drawn(random.random())

    @applies(Filled)
    def _filled(self, event: Filled) -> None:
        self.items = event.items  # and not a copy

    @applies(PutIn)
    def _put_in(self, event: PutIn) -> None:
        if event.what == "shared":
            self.shared.append(event.what)
        self.items.append(event.what)
        self.full = event.what == "last"

    @applies(Drawn)
    def _drawn(self, event: Drawn) -> None: ...

    def save_state(self) -> list[str]:
        return list(self.items)

    def load_state(self, state: list[str]) -> None:
        self.items = state  # and not whether it is full


@app.process_manager("collector")
class Collector(ProcessManager):
    """Reminds an account of a withdrawal after half an hour, unless something is deposited before."""

    @on(Withdrawn)
    def withdrawn(self, event: Withdrawn, commit: Commit, send: Send, state: Table) -> None:
        state[commit.aggregate] = state.get(commit.aggregate, 0) + event.amount
        send(Remind(commit.aggregate, text="now"))
        late = Remind(commit.aggregate, text="late")
        send.after(timedelta(minutes=30), late, key=commit.aggregate)

    @on(Deposited)
    def deposited(self, event: Deposited, commit: Commit, send: Send) -> None:
        if event.amount < 0:
            raise ValueError("less than nothing")
        send.cancel(commit.aggregate)

    @refused(Remind)
    def not_reminded(self, command: Remind, refusal: Refusal, send: Send) -> None:
        send(Deposit(command.aggregate, amount=len(refusal.code)))


@app.projection("balances")
class Balances(Projection):
    @on(Deposited)
    def deposited(self, event: Deposited, commit: Commit, view: Table) -> None:
        view[commit.aggregate] = view.get(commit.aggregate, 0) + event.amount

    @on(Withdrawn)
    def withdrawn(self, event: Withdrawn, commit: Commit, view: Table) -> None:
        view[commit.aggregate] = view.get(commit.aggregate, 0) - event.amount

    @query
    def balance(self, view: Table, account: str) -> int:
        return int(view.get(account, 0))


@app.projection("last")
class Last(Projection):
    """Depends on the order across aggregates, which no view may rely on."""

    @on(Deposited)
    def deposited(self, event: Deposited, commit: Commit, view: Table) -> None:
        view["last"] = commit.aggregate

    @query
    def last(self, view: Table, account: str) -> str:
        return str(view.get("last"))


@app.projection("forgetful")
class Forgetful(Projection):
    """Saves nothing of what it knows, and says it does."""

    def __init__(self) -> None:
        self.count = 0

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.count += 1

    @query("count")
    def counted(self, account: str) -> int:
        return self.count

    def save(self) -> list[tuple[bytes, bytes | None]]:
        return []
