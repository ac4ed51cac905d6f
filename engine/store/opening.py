"""Why an LMDB environment could not be opened or written, by whose fault it is.

Damage is not the only reason, and a hint to remove a file would do harm where the file is fine.
"""

from pathlib import Path

import lmdb

from engine.base.errors import ConfigError, CorruptData, Fault, NoSpace, RingfoldError
from engine.store.room import lacks_room, way_out

FAILURES = (lmdb.Error, OSError)


def not_opened(what: str, path: Path, error: Exception, *, hint: str = "") -> RingfoldError:
    """The error to raise. `hint`: what to do where the data is damaged."""
    if lacks_room(error, path):
        return NoSpace(f"there is no room for {what}", path=path, error=error)
    if isinstance(error, (lmdb.MemoryError, MemoryError)):
        text = "too little address space for the map of a file"
        way = "start with a smaller map_bytes, or with a higher limit (ulimit -v)"
        return ConfigError(text, path=path, error=error, hint=way)
    if isinstance(error, (lmdb.ReadonlyError, PermissionError)):
        way = "run as the user who owns it, or give it to this one with chown"
        return ConfigError(f"{what} may not be opened by this user", path=path, error=error, hint=way)
    if isinstance(error, (lmdb.DiskError, OSError)):
        return Fault(f"{what} cannot be opened", path=path, error=error)
    return CorruptData(f"{what} cannot be opened", path=path, error=error, hint=hint)


def not_written(what: str, path: Path, error: lmdb.Error) -> RingfoldError:
    """The error to raise, after which nothing of the transaction is kept."""
    if lacks_room(error, path):
        return NoSpace(f"{what} has no room", path=path, error=error, hint=way_out(error))
    return Fault(f"{what} cannot be written", path=path, error=error)
