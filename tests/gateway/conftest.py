"""A node that the tests of a file share: open, as no token is made."""

from collections.abc import Iterator

import pytest

from engine import Node
from tests.gateway.http import Http, gateway


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Http]]:
    with gateway(tmp_path_factory.mktemp("gateway")) as (node, http):
        yield node, http


@pytest.fixture(scope="module")
def http(running: tuple[Node, Http]) -> Http:
    return running[1]


@pytest.fixture(scope="module")
def node(running: tuple[Node, Http]) -> Node:
    return running[0]
