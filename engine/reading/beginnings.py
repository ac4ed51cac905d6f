"""The beginning of a worker: its cursor is made before the node accepts its first command.

What was stored before is not handled, because others have dealt with it or left it alone; everything after it
is. The supervisor sees to it once, when a worker is new to a data directory.
"""

from collections.abc import Iterable

from engine.node.data_directory import DataDirectory
from engine.reading.cursor import Cursor
from engine.reading.stores import Stores


def begin_workers(data: DataDirectory, names: Iterable[str]) -> list[str]:
    """Makes the cursor of every worker that is new; returns the names of those for which something is stored
    already. Raises Fault, NoSpace; CorruptData if a cursor is damaged."""
    late: list[str] = []
    for name in names:
        stores = Stores(data)
        cursor = Cursor(data.worker(name), name, stores.partitions)
        try:
            if not cursor.next:
                ends = stores.positions()
                commands = [stores.command_at(partition, end) for partition, end in enumerate(ends)]
                cursor.save([(end + 1, 0) for end in ends], commands)
                late += [name] if any(ends) else []
        finally:
            cursor.close()
            stores.close()
    return late
