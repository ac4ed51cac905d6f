"""The report of pyright is read for our public names: theirs and those of their members, nothing else."""

from typing import Any

import pytest

from tests import verify_types


def symbol(name: str, known: bool = True) -> dict[str, Any]:
    return {"name": name, "isTypeKnown": known, "diagnostics": [{"message": "no annotation\n here"}]}


CLIENT = [symbol("engine.client.sync.Client"), *(symbol(f"engine.client.sync.Client.{n}") for n in range(99))]
OTHERS = [symbol("engine.client.sync.TIMEOUT_S", False), symbol("engine.client.sync.ClientX", False)]


def test_only_public_names_and_their_members_count() -> None:
    assert verify_types.public_symbols(CLIENT + OTHERS) == CLIENT


@pytest.mark.parametrize(("guessed", "code"), [(1, 0), (2, 1)])
def test_at_least_99_of_100_have_to_be_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], guessed: int, code: int
) -> None:
    report = [*CLIENT[guessed:], *(symbol(one["name"], False) for one in CLIENT[:guessed]), *OTHERS]
    monkeypatch.setattr(verify_types, "report", lambda: report)
    assert verify_types.main() == code
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "engine.client.sync.Client  no annotation"
    assert told[-1] == f"{100 - guessed} of 100 public names and members are typed: {100 - guessed}.0%"


def test_without_pyright_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_types, "report", lambda: None)
    assert verify_types.main() == 0
    assert "SKIPPED" in capsys.readouterr().err
