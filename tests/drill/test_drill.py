"""Each fault of the drill leads to what an operator would look at first."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import Client, Node, QueryRefused
from engine.node.data_directory import DataDirectory
from engine.node.running import find_node
from tests.acceptance.kit import gone
from tests.deadline import until
from tests.drill.__main__ import APP, environment_of, everyday, flood, settings_of
from tests.drill.shop import PACE, Place

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
def test_health_names_the_cause(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    for name, value in environment_of(fault).items():
        monkeypatch.setenv(name, value)
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


def test_a_flood_is_named_with_the_process_that_sends_it(tmp_path: Path) -> None:
    over = threading.Event()
    settings = settings_of("flood", tmp_path)
    with Node(tmp_path / "data", app=APP, settings=settings, log=tmp_path / "log") as node:
        clients = [
            threading.Thread(target=everyday, args=(node, "flood", over.is_set)),
            threading.Thread(target=flood, args=(node, over.is_set)),
        ]
        for client in clients:
            client.start()
        says = rf"turned away now .*; most of .*pytest.* \(pid {os.getpid()}"
        try:
            assert until(lambda: re.search(says, health(node.data)), 60.0, "the flood")
        finally:
            over.set()
            for client in clients:
                client.join()


def test_a_slow_view_moves_on_answers_and_stops_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PACE, "0.03")
    orders = [Place(f"order-{number}", article="a", units=1) for number in range(1_000)]
    with Node(tmp_path / "data", app=APP, log=tmp_path / "log") as node, Client(node.endpoints) as client:
        receipts = client.send_many(orders)
        first = client.query("sales", "sold", {"article": "a"}, timeout_s=20.0)
        until(lambda: client.query("sales", "sold", {"article": "a"}, timeout_s=20.0) > first, 20.0)
        with pytest.raises(QueryRefused, match="behind"):
            client.query("sales", "positions", at_least=receipts[-1], timeout_s=4.0)
    assert "node.cut-short" not in (tmp_path / "log").read_text()


def test_when_it_is_told_to_stop_its_node_and_its_folder_go(tmp_path: Path) -> None:
    drill = subprocess.Popen(
        [sys.executable, "-m", "tests.drill", "--fault=behind"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert drill.stdout is not None
    with drill.stdout as told:
        data = Path(told.readline().removeprefix("data ").strip())
        assert data.is_dir()
        node = find_node(DataDirectory.at(data))
        drill.send_signal(signal.SIGTERM)
        assert drill.wait(60) == 0
    assert list(tmp_path.iterdir()) == []
    assert gone(node.pid)
