"""The page about views: its code runs, and its views show what it says."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from engine.testing import InlineEngine, given

PAGE = (Path(__file__).parents[2] / "docs" / "VIEWS.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """Its blocks as one module."""
    module = ModuleType("views_page")
    exec(compile("\n".join(BLOCKS), "docs/VIEWS.md", "exec"), module.__dict__)
    return module


def test_its_application_starts_and_answers(page: ModuleType) -> None:
    with InlineEngine(page.app) as engine:
        for name, reader in (("b1", "ann"), ("b2", "bob"), ("b1", "bob"), ("b3", "ann")):
            receipt = engine.send(page.Lend(name, reader=reader))
        engine.restart()
        book = engine.query("loans", "book", {"book": "b1"}, at_least=receipt)
        assert book == {"reader": "bob", "times": 2}
        assert engine.query("loans", "shelf", {"after": "b1", "limit": 1}) == ["b2"]
        assert engine.query("loans", "books_of", {"reader": "bob"}) == ["b1", "b2"]
        assert engine.query("readers", "loans", {"reader": "ann"}) == 2


@pytest.mark.parametrize(("view", "query", "shows"), [("Loans", "books_of", ["b1"]), ("Readers", "loans", 1)])
def test_its_views_keep_the_rules(page: ModuleType, view: str, query: str, shows: object) -> None:
    events = [("b1", page.Lent("bob")), ("b1", page.Lent("ann")), ("b2", page.Lent("bob"))]
    given(*events).project(getattr(page, view)).shows(query, {"reader": "ann"}, shows)
