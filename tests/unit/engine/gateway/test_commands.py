"""Keys, receipts and problems of commands, without a node."""

import pytest

from engine import Receipt, id_from
from engine.gateway.commands import answer, id_of, problem_of, told
from engine.gateway.problems import Problem

ID = "0" * 12 + "8" + "1" * 19


def test_a_key_is_an_id_or_leads_to_one_and_subjects_do_not_meet() -> None:
    assert id_of(ID) == ID
    assert id_of("order 7") == id_from("order 7")
    assert len({id_of("order 7"), id_of("order 7", "ann"), id_of("order 7", "bob")}) == 3
    assert id_of(ID.upper() + "F") != ID


@pytest.mark.parametrize(
    ("receipt", "status"),
    [
        (Receipt("committed", ID, 3, 0, 7), 200),
        (Receipt("unchanged", ID), 200),
        (Receipt("accepted", ID), 202),
    ],
)
def test_what_went_well_is_a_status_below_300(receipt: Receipt, status: int) -> None:
    assert answer(receipt).status_code == status


@pytest.mark.parametrize(
    ("receipt", "status", "code"),
    [
        (Receipt("rejected", ID, code="sold-out", message="no"), 422, "sold-out"),
        (Receipt("rejected", ID, code="wrong-version"), 412, "wrong-version"),
        (Receipt("rejected", ID, code="not-found"), 422, "not-found"),  # the application's, not the gateway's
        (Receipt("failed", ID, code="malformed"), 400, "malformed"),
        (Receipt("failed", ID, code="aggregate-unknown"), 404, "aggregate-unknown"),
        (Receipt("failed", ID, code="handler-bug"), 500, "handler-bug"),
        (Receipt("failed", ID, code="cannot-be-stored"), 422, "cannot-be-stored"),
        (Receipt("failed", ID, code="of-tomorrow"), 422, "of-tomorrow"),
        (Receipt("busy", ID, message="full"), 503, "busy"),
        (Receipt("unknown", ID), 504, "unknown"),
    ],
)
def test_what_did_not_is_a_problem_that_names_the_command(receipt: Receipt, status: int, code: str) -> None:
    problem = problem_of(receipt)
    assert (problem.status, problem.code, problem.more["id"]) == (status, code, ID)
    with pytest.raises(Problem):
        answer(receipt)


def test_a_receipt_says_its_partition_where_there_is_one() -> None:
    assert told(Receipt("committed", ID, 1, 0, 1)).partition == 0
    assert told(Receipt("unchanged", ID)).partition == -1  # which is left out
