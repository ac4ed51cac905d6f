"""One running node and one inline engine for everything that leaves them as they were."""

from collections.abc import Iterator

import pytest

from tests.acceptance.behaviours.world import KINDS, World, fresh, make


@pytest.fixture(scope="package", params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def note() -> str:
    """The name of a note of the test's own."""
    return fresh()
