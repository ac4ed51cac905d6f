"""What counts as the code that a snapshot was made by."""

import importlib
import sys
from pathlib import Path

import pytest

from engine import Aggregate, Command, Engine, handles
from engine.snapshots import code_mark
from engine.snapshots.code import sources

APP = """
import json
from engine import Aggregate, Command, Engine, Event, applies, handles
from shop.rules import LIMIT
from . import far

class Buy(Command, name="buy"):
    pass

class Bought(Event, name="bought"):
    pass

def create(settings={}):
    class Shop(Aggregate):
        @handles(Buy)
        def buy(self, command):
            return Bought()
        @applies(Bought)
        def bought(self, event):
            self.left = far.less(LIMIT)
    app = Engine("shop")
    app.aggregate(Shop)
    return app
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package on the path, with its files."""
    folder = tmp_path / "shop"
    folder.mkdir()
    files = {
        "__init__": "",
        "app": APP,
        "rules": "LIMIT = 5\n",
        "far": "from shop import farther\nless = int\n",
    }
    for name, text in {**files, "farther": "", "view": "import shop.app\n"}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def made() -> Engine:
    """The application, from its files as they are now."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    app: Engine = importlib.import_module("shop.app").create()
    importlib.import_module("shop.view")
    return app


def test_all_that_aggregates_import_counts_and_nothing_else(shop: Path) -> None:
    assert sorted(sources(made())) == ["shop", "shop.app", "shop.far", "shop.farther", "shop.rules"]


@pytest.mark.parametrize(
    ("name", "counts"), [("rules", True), ("farther", True), ("app", True), ("view", False)]
)
def test_a_change_of_what_state_depends_on_changes_the_mark(shop: Path, name: str, counts: bool) -> None:
    before = code_mark(made())
    assert code_mark(made()) == before
    with open(shop / f"{name}.py", "a") as file:
        file.write("more = 1\n")
    assert (code_mark(made()) != before) is counts


def test_reference_data_counts(shop: Path) -> None:
    app = made()
    before = code_mark(app)
    app.fingerprint = "another timetable"
    assert code_mark(app) != before


def test_the_default_of_a_command_counts_wherever_it_comes_from() -> None:
    def made_with(default: int) -> Engine:
        class Take(Command, name="code.take"):
            count: int = default

        class Stock(Aggregate):
            @handles(Take)
            def take(self, command: Take) -> None: ...

        return Engine("stock", aggregates=[Stock])

    assert code_mark(made_with(1)) == code_mark(made_with(1))
    assert code_mark(made_with(1)) != code_mark(made_with(2))
