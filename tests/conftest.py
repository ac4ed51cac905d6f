"""Fixtures for all tests: those of the testing kit, asked for as any project asks for them."""

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["engine.testing.plugin"]

# For what is marked, in seconds. The others have the one that pyproject.toml says; 0 is none.
DEADLINES = {"slow": 0, "smoke": 300}

# No test is about how long an example takes: on a busy machine any may be interrupted for half a second.
settings.register_profile("ringfold", deadline=None)
settings.load_profile("ringfold")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives what takes longer more time."""
    for item in items:
        for mark, seconds in DEADLINES.items():
            if item.get_closest_marker(mark) is not None:
                item.add_marker(pytest.mark.timeout(seconds))
                break


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


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell has what runs in its background ignore Ctrl-C, and what that starts inherits it. The programs
    that tests interrupt have to end, though."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
