"""The examples do what their texts say, on a real node."""

import subprocess
import sys
from pathlib import Path

from engine import Client, Node
from examples.stock import FULL, Take

ROOT = Path(__file__).parents[2]


def test_the_stock_example_sells_until_it_is_sold_out_and_survives_a_restart(tmp_path: Path) -> None:
    with Node(tmp_path / "data", app="examples.stock:app") as node:
        done = subprocess.run(
            [sys.executable, "-m", "examples.stock", str(tmp_path / "data")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.stdout.splitlines() == ["committed ", f"left: {FULL - 2}"], done.stderr
        with Client(node.endpoints) as client:
            assert client.send(Take("apples", count=FULL)).code == "sold-out"
    with Node(tmp_path / "data", app="examples.stock:app") as node, Client(node.endpoints) as client:
        last = client.send(Take("apples", count=FULL - 2))
        assert (last.outcome, last.version) == ("committed", 2)
        assert client.query("shelf", "left", {"article": "apples"}, at_least=last) == 0
