"""The kit as a plugin of pytest, there as soon as Ringfold is installed. Fixtures:

    given           engine.testing.given
    inline_engine   makes inline engines: inline_engine(app, partitions=2); they are closed after the test
    node            makes running nodes: node("notes:create", partitions=2); they are stopped after the test
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.model.app import Engine
from engine.supervisor.node import Node
from engine.testing.given import given as _given
from engine.testing.inline import InlineEngine


@pytest.fixture(name="given")
def given_fixture() -> Callable[..., Any]:
    """`given(Class, *events)`, `given(*events).process(Class)`, `given(*events).project(Class)`."""
    return _given


@pytest.fixture
def inline_engine() -> Iterator[Callable[..., InlineEngine]]:
    """Makes inline engines of an application."""
    with ExitStack() as cleanup:

        def make(app: Engine, **options: Any) -> InlineEngine:
            return cleanup.enter_context(InlineEngine(app, **options))

        yield make


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Makes running nodes of an application, named as on the command line. What they log is in tmp_path."""
    with ExitStack() as cleanup:
        made: list[Node] = []

        def make(app: str, **settings: object) -> Node:
            name = f"node-{len(made)}"
            made.append(Node(tmp_path / name, app=app, settings=settings, log=tmp_path / f"{name}.log"))
            return cleanup.enter_context(made[-1])

        yield make
