"""A setting that asks for what is not installed is refused before anything starts."""

import re
from pathlib import Path

import msgspec
import pytest

from engine.base.errors import ConfigError
from engine.node import extras
from engine.node.config import Config
from engine.node.extras import EXTRAS, expect_extras

PROJECT = (Path(__file__).parents[4] / "pyproject.toml").read_text()
VALUES = {"http": "127.0.0.1:0", "cluster": "nats://127.0.0.1:4222", "traces": "http://127.0.0.1:4318"}


def test_without_the_settings_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    expect_extras(Config())


@pytest.mark.parametrize("setting", EXTRAS)
def test_a_setting_without_its_packages_is_refused_in_one_line(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    name, extra = EXTRAS[setting]
    with pytest.raises(ConfigError, match="not installed") as error:
        expect_extras(msgspec.convert({setting: VALUES[setting]}, Config))
    assert f"ringfold[{name}]" in str(error.value)
    assert extra.packages[0].replace("_", "-") in str(error.value)


def test_what_is_missing_altogether_is_missing() -> None:
    assert not extras._is_there("there_is.no_such.package")
    assert extras._is_there("os.path")


@pytest.mark.parametrize("name", [name for name, _ in EXTRAS.values()])
def test_every_extra_is_one_of_the_distribution(name: str) -> None:
    assert re.search(rf"^{name} = \[", PROJECT, re.MULTILINE)
