"""Finding the node that runs on a data directory."""

import os

from engine.base.called import called
from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import RingfoldError
from engine.base.lock import is_held
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints, read_endpoints

DATA = "./ringfold-data"  # the data directory, where nothing names another


def find_node(data: str | os.PathLike[str] | DataDirectory) -> Endpoints:
    """The endpoints of the node that runs there. Raises RingfoldError (try again later) if none does."""
    directory = DataDirectory.at(data)
    if not directory.path.is_dir():
        hint = f"`{called()} serve --data DIR` makes one"
        raise RingfoldError("there is no data directory", path=directory.path, hint=hint)
    if not is_held(directory.lock):
        hint = f"`{called()} serve` starts one"
        raise RingfoldError("no node is running on this data directory", path=directory.path, hint=hint)
    try:
        return read_endpoints(directory.endpoints)
    except (OSError, *NOT_DECODABLE):
        raise RingfoldError(
            "the node is starting or stopping", path=directory.path, hint="try again"
        ) from None
