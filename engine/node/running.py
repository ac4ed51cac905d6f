"""Finding the node that runs on a data directory."""

import json
import os
from typing import Any

from engine.base.errors import RingfoldError
from engine.base.lock import is_held
from engine.node.data_directory import DataDirectory

DATA = "./ringfold-data"  # the data directory, where nothing names another


def find_node(data: str | os.PathLike[str] | DataDirectory) -> dict[str, Any]:
    """The endpoints.json of the node that runs there. Raises RingfoldError (try again later) if none does.

    Keys: commands and events (endpoints), queries (endpoints by view), status (path of the status page),
    data, app, partitions, pid.
    """
    directory = DataDirectory.at(data)
    if not is_held(directory.lock):
        raise RingfoldError("no node is running on this data directory", path=directory.path)
    try:
        found: dict[str, Any] = json.loads(directory.endpoints.read_text())
    except (OSError, ValueError):
        raise RingfoldError("the node is starting or stopping", path=directory.path) from None
    return found
