"""Places as people name them."""

from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.base.place import expanded


def test_a_home_is_replaced_and_one_that_nobody_has_is_named() -> None:
    assert expanded("~/x") == Path.home() / "x"
    with pytest.raises(ConfigError, match=r"no such home .*~nobody-at-all/x"):
        expanded("~nobody-at-all/x")
