"""The event store: LMDB, one environment per partition, one writer, many readers.

Reading order: format (tables and keys), writer (group commit), reader (by position, by aggregate).
"""

from engine.store.reader import Reader
from engine.store.writer import Writer

__all__ = ["Reader", "Writer"]
