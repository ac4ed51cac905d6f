"""A node on a temporary directory, for `python -m examples.…`, which is removed when the program ends."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine import Client, Node, RingfoldError


@contextlib.contextmanager
def temporary_node(app: str, **settings: object) -> Iterator[tuple[Node, Client]]:
    """A started node with this application and a client of it. Its log is shown if it fails."""
    with tempfile.TemporaryDirectory(prefix="ringfold-example-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "node.log"
        try:
            node = Node(Path(folder) / "data", app=app, settings=settings, log=log)
            with node, Client(node.endpoints) as client:
                yield node, client
        except RingfoldError:
            sys.stderr.write(log.read_text(errors="replace"))
            raise
