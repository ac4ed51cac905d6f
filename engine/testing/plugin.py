"""The kit as fixtures of pytest, for a project that asks for them in its outermost `conftest.py`:

    pytest_plugins = ["engine.testing.plugin"]

    ringfold_given    `engine.testing.given`
    ringfold_inline   makes inline engines: ringfold_inline(app, partitions=2); closed after the test
    ringfold_node     makes running nodes: ringfold_node("notes:app", partitions=2); stopped after the test

What a fixture needs is imported when a test asks for it, so the line costs nothing where it is not used.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.model.app import Engine
    from engine.supervisor.node import Node
    from engine.testing.inline import InlineEngine


@pytest.fixture
def ringfold_given() -> Callable[..., Any]:
    """`given(Class, *events)`, `given(*events).process_manager(Class)`, `given(*events).project(Class)`."""
    from engine.testing.given import given

    return given


@pytest.fixture
def ringfold_inline() -> "Iterator[Callable[..., InlineEngine]]":
    """Makes inline engines of an application."""
    from engine.testing.inline import InlineEngine

    with ExitStack() as cleanup:

        def make(app: "Engine", **options: Any) -> InlineEngine:
            return cleanup.enter_context(InlineEngine(app, **options))

        yield make


@pytest.fixture
def ringfold_node(tmp_path: Path) -> "Iterator[Callable[..., Node]]":
    """Makes running nodes of an application, named as on the command line. What they log is in tmp_path."""
    from engine.supervisor.node import Node

    with ExitStack() as cleanup:
        made: list[Node] = []

        def make(app: str, **settings: object) -> Node:
            name = f"node-{len(made)}"
            made.append(Node(tmp_path / name, app=app, settings=settings, log=tmp_path / f"{name}.log"))
            return cleanup.enter_context(made[-1])

        yield make
