"""What is misplaced: a file where a folder was, a folder where a file was, or a link to nothing, in the place
of something that is made again.

A start sets it aside, under its name with `.damaged`, and says so. Otherwise it would stop the follower that
keeps something there, or the node, although nothing is lost.

    place                                                made again from
    ------------------------------------------------------------------------------------------------
    snapshots/ and its folders, the files in them        the event store
    views/ (a view looks after the folders in it)        the event store
    views/NAME.json                                      the folders beside it
    failed/ and the files in it                          the next failure
    endpoints.json                                       each start
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.base.errors import Fault
from engine.base.files import ASIDE, set_aside
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.node.data_directory import DataDirectory

Is = Callable[[Path], bool]


def set_misplaced_aside(data: DataDirectory, log: Log) -> None:
    """Looks at every place of the table. Fault: something cannot be set aside."""
    _set_aside(_places_of_all(data), log)


def set_misplaced_snapshots_aside(data: DataDirectory, partitions: int, log: Log) -> None:
    """Looks at those of snapshots only. Fault: as above."""
    _set_aside(_places_of_snapshots(data, partitions), log)


def _places_of_all(data: DataDirectory) -> Iterator[tuple[Path, Is]]:
    yield data.endpoints, Path.is_file
    yield from _places_of_snapshots(data, data.partitions)
    yield data.views, Path.is_dir
    yield from ((path, Path.is_file) for path in _inside(data.views) if ".json" in path.suffixes)
    yield data.failures, Path.is_dir
    yield from ((path, Path.is_file) for path in _inside(data.failures))


def _places_of_snapshots(data: DataDirectory, partitions: int) -> Iterator[tuple[Path, Is]]:
    yield data.snapshots, Path.is_dir
    folders = [data.snapshot_folder(partition).path for partition in range(partitions)]
    for path in _inside(data.snapshots):
        yield path, Path.is_dir if path in folders else Path.is_file
    for folder in folders:
        yield from ((path, Path.is_file) for path in _inside(folder))


def _inside(folder: Path) -> list[Path]:
    """What is in it, but for what was set aside. It is asked once the folder itself has been looked at."""
    names = os.listdir(folder) if folder.is_dir() else []
    return [folder / name for name in sorted(names) if not name.endswith(ASIDE)]


def _set_aside(places: Iterator[tuple[Path, Is]], log: Log) -> None:
    for path, is_right in places:
        if is_right(path) or not os.path.lexists(path):
            continue
        try:
            aside = set_aside(path)
        except OSError as error:
            raise Fault("what is misplaced cannot be set aside", path=path, error=error) from None
        text = "something else was in this place; it is set aside, and what belongs there is made again"
        log(Code.DATA_SET_ASIDE, text, path=path, kept=aside)
