"""A receipt says how a command ended; whether that is raised is up to the program."""

import pytest

from engine import Busy, Failed, OutcomeError, Receipt, Rejected, RingfoldError, Unknown
from engine.client.receipts import Outcome


@pytest.mark.parametrize("outcome", ["committed", "unchanged", "accepted"])
def test_what_went_well_is_ok_and_raises_nothing(outcome: Outcome) -> None:
    receipt = Receipt(outcome, "1")
    assert receipt.ok
    assert receipt.raise_for_outcome() is receipt


def test_what_nothing_is_known_of_because_it_was_not_asked_raises_nothing() -> None:
    receipt = Receipt("sent", "1")
    assert not receipt.ok
    assert receipt.raise_for_outcome() is receipt


@pytest.mark.parametrize(
    ("outcome", "error"), [("rejected", Rejected), ("failed", Failed), ("busy", Busy), ("unknown", Unknown)]
)
def test_every_other_outcome_is_raised_as_an_error_of_its_own_that_has_the_receipt(
    outcome: Outcome, error: type[OutcomeError]
) -> None:
    receipt = Receipt(outcome, "1", code="sold-out", message="only 3 left")
    with pytest.raises(error, match=r"sold-out: only 3 left \(command=1\)") as raised:
        receipt.raise_for_outcome()
    assert raised.value.receipt is receipt
    assert isinstance(raised.value, RingfoldError)


def test_a_committed_command_whose_view_lags_is_ok() -> None:
    receipt = Receipt("committed", "1", view_ready=False, message="view notes is not there yet: …")
    assert receipt.ok
    assert receipt.raise_for_outcome() is receipt
