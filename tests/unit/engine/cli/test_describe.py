"""`describe` as an operator calls it."""

import json

import pytest

from engine.cli import main
from engine.model.describing import describe
from examples.bank_transfer import app

BANK = ("describe", "--app", "examples.bank_transfer:app")


def test_it_prints_the_description_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BANK, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == json.loads(json.dumps(describe(app)))


def test_it_prints_a_summary_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(BANK) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "application bank"
    assert "  transfer.finish ()  Transfer" in lines
    assert "  account.withdraw (transfer: string, amount: integer)  Account; rejects: not-covered" in lines
    assert "  account.opened (amount: integer)  Account" in lines
    assert any(line.startswith("process manager clerk: ") for line in lines)
