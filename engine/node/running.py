"""Finding the node that runs on a data directory."""

import json
from pathlib import Path
from typing import Any

from engine.base.errors import RingfoldError
from engine.base.lock import is_held

DATA = "./ringfold-data"  # the data directory, where nothing names another


def find_node(data: Path) -> dict[str, Any]:
    """The endpoints.json of the node that runs there. Raises RingfoldError (try again later) if none does.

    Keys: commands and events (endpoints), queries (endpoints by view), status (path of the status page),
    data, app, partitions, pid.
    """
    path = data / "endpoints.json"
    if not is_held(data / "lock"):
        raise RingfoldError("no node is running on this data directory", path=data)
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        raise RingfoldError("the node is starting or stopping", path=data) from None
    return found
