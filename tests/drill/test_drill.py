"""Each fault of the drill leads to what an operator would look at first."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import Node
from tests.deadline import until
from tests.drill.__main__ import APP, everyday, settings_of

pytestmark = pytest.mark.smoke

SAYS = {
    "poison": "view sales has set",
    "disk": "the disk has",
    "behind": "view sales",
    "refused": "process manager shipping has set",
}


def health(data: Path) -> str:
    """Its line."""
    command = [sys.executable, "-m", "engine", "health", "--data", str(data), "--lag-warning", "2"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.parametrize("fault", SAYS)
def test_health_names_the_cause(fault: str, tmp_path: Path) -> None:
    over = threading.Event()
    with Node(
        tmp_path / "data", app=APP, settings=settings_of(fault, tmp_path), log=tmp_path / "log"
    ) as node:
        client = threading.Thread(target=everyday, args=(node, fault, over.is_set))
        client.start()
        try:
            found = until(lambda: re.search(SAYS[fault], health(node.data)), 60.0, fault)
            assert found
        finally:
            over.set()
            client.join()
