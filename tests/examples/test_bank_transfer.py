"""The bank: no money is lost or made at any position, whichever process dies."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.testing import given
from examples.bank_transfer.account import Account
from examples.bank_transfer.clerk import Accounts, Clerk
from examples.bank_transfer.messages import (
    AccountOpened,
    Deposit,
    Deposited,
    FailTransfer,
    FinishTransfer,
    OpenAccount,
    PutBack,
    ReturnedToSender,
    StartTransfer,
    TransferFailed,
    TransferFinished,
    TransferStarted,
    Withdraw,
    Withdrawn,
)
from examples.bank_transfer.money import Money
from examples.bank_transfer.transfer import Transfer
from tests.examples.bank_story import APP, OPENING, SETTINGS, run
from tests.examples.hosts import OneNode, TwoNodes

ROOT = Path(__file__).parents[2]
STARTED = TransferStarted(source="a", target="b", amount=7)
OUT = Withdrawn(transfer="t", amount=7)
ARRIVED = Deposited(transfer="t", amount=7)
BACK = ReturnedToSender(transfer="t", amount=7, reason="aggregate-unknown")


def test_an_account_is_never_below_zero() -> None:
    story = given(Account, AccountOpened(amount=10)).when(Withdraw("a", transfer="t", amount=7)).then(OUT)
    story.when(Withdraw("a", transfer="u", amount=4)).rejected("not-covered")
    story.when(Withdraw("a", transfer="u", amount=-4)).rejected("not-covered").state(balance=3)
    given(Account).when(OpenAccount("a", amount=-1)).rejected("bad-amount")


def test_money_comes_in_and_comes_back() -> None:
    story = given(Account, AccountOpened(amount=10))
    story.when(Deposit("a", transfer="t", amount=7)).then(ARRIVED).state(balance=17)
    story.when(PutBack("a", transfer="t", amount=7, reason="aggregate-unknown")).then(BACK).state(balance=24)


def test_a_transfer_moves_something_from_one_account_to_another() -> None:
    given(Transfer).when(StartTransfer("t", source="a", target="b", amount=7)).then(STARTED)
    given(Transfer).when(StartTransfer("t", source="a", target="b", amount=0)).rejected("bad-amount")
    given(Transfer).when(StartTransfer("t", source="a", target="a", amount=7)).rejected("same-account")


def test_a_transfer_ends_once() -> None:
    story = given(Transfer, STARTED).when(FinishTransfer("t")).then(TransferFinished())
    story.when(FinishTransfer("t")).unchanged().when(FailTransfer("t", reason="late")).unchanged()
    given(Transfer, STARTED).when(FailTransfer("t", reason="no")).then(TransferFailed(reason="no"))


def test_the_clerk_takes_money_from_one_account_to_the_other() -> None:
    clerk = given().process_manager(Clerk).when(("t", STARTED))
    clerk.sends(Withdraw("a", transfer="t", amount=7)).state("t", Accounts("a", "b"))
    clerk.when(("a", OUT)).sends(Deposit("b", transfer="t", amount=7))
    clerk.when(("b", ARRIVED)).sends(FinishTransfer("t")).state("t", None)


def test_the_clerk_puts_back_what_cannot_be_deposited() -> None:
    clerk = given(("t", STARTED)).process_manager(Clerk).when(("a", OUT))
    clerk.when_refused(Deposit, "aggregate-unknown")
    clerk.sends(PutBack("a", transfer="t", amount=7, reason="aggregate-unknown"))
    clerk.when(("a", BACK)).sends(FailTransfer("t", reason="aggregate-unknown")).state("t", None)


def test_a_transfer_that_is_not_covered_fails() -> None:
    clerk = given().process_manager(Clerk).when(("t", STARTED)).when_refused(Withdraw, "not-covered")
    clerk.sends(FailTransfer("t", reason="not-covered")).state("t", None)


def test_who_goes_past_the_clerk_gets_the_money_back() -> None:
    clerk = given().process_manager(Clerk).when(("a", OUT))
    clerk.sends(PutBack("a", transfer="t", amount=7, reason="unknown-transfer"))


def test_the_view_shows_where_the_money_is() -> None:
    opened = [("a", AccountOpened(amount=10)), ("b", AccountOpened(amount=0))]
    view = given(*opened, ("t", STARTED), ("a", OUT)).project(Money)
    view.shows("sum", {}, {"accounts": 3, "under_way": 7}).shows("balance", {"id": "a"}, 3)
    view.shows("transfer", {"id": "t"}, "started")
    view = given(*opened, ("t", STARTED), ("a", OUT), ("b", ARRIVED), ("t", TransferFinished())).project(
        Money
    )
    view.shows("sum", {}, {"accounts": 10, "under_way": 0}).shows("balance", {"id": "b"}, 7)
    view.shows("transfers", {}, {"finished": 1})


@pytest.mark.slow
def test_transfers_survive_a_kill_of_every_process(tmp_path: Path) -> None:
    host = OneNode(tmp_path / "data", APP, SETTINGS)
    report = run(host, accounts=10, transfers=60, kills_each=1, seed=1)
    assert report.broken == []
    assert report.shown == {"accounts": 10 * OPENING, "under_way": 0}
    assert report.transfers.total() == 60
    assert {"finished", "failed: not-covered", "failed: aggregate-unknown"} == set(report.transfers)
    assert {"input", "core-0", "output-0", "projector-money", "manager-clerk"} <= set(report.killed)


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 2])
def test_a_thousand_transfers_between_a_hundred_accounts_survive_three_kills_of_every_process(
    tmp_path: Path, partitions: int
) -> None:
    host = OneNode(tmp_path / "data", APP, SETTINGS, partitions)
    report = run(host, accounts=100, transfers=1_000, kills_each=3, seed=2)
    assert report.broken == []
    assert report.shown == {"accounts": 100 * OPENING, "under_way": 0}
    assert (report.transfers.total(), min(report.killed.values())) == (1_000, 3)


@pytest.mark.slow
def test_the_program_tells_how_it_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.bank_transfer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = done.stdout.splitlines()
    assert told[-1].endswith("0 broken rules"), done.stdout + done.stderr
    assert told[-2].endswith("{'accounts': 1000000, 'under_way': 0}")


@pytest.mark.slow
def test_transfers_on_two_nodes_survive_a_kill_of_each_of_them_and_of_every_process() -> None:
    host = TwoNodes(APP, SETTINGS, servers=3)
    report = run(host, accounts=100, transfers=1_000, kills_each=1, seed=3)
    assert report.broken == []
    assert report.shown == {"accounts": 100 * OPENING, "under_way": 0}
    assert report.transfers.total() == 1_000
    assert {"one", "two", "one core-0", "two manager-clerk"} <= set(report.killed)
