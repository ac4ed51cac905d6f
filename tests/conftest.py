"""Fixtures for all tests: those of the testing kit, asked for as any project asks for them."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["engine.testing.plugin"]

# No test is about how long an example takes: on a busy machine any may be interrupted for half a second.
settings.register_profile("ringfold", deadline=None)
settings.load_profile("ringfold")


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Where Python is told to keep no bytecode, as in many containers, it is kept for as long as the tests
    run. Otherwise each process of each node compiles the engine anew: 40% of what the start of a node costs.
    """
    with tempfile.TemporaryDirectory(prefix="bytecode-") as folder, pytest.MonkeyPatch.context() as patch:
        if "PYTHONDONTWRITEBYTECODE" in os.environ:
            patch.delenv("PYTHONDONTWRITEBYTECODE")
            patch.setenv("PYTHONPYCACHEPREFIX", folder)
        yield
