"""The event store: LMDB, one environment per partition, one writer, many readers.

Reading order: format (tables and keys), writer (group commit), reader (by position, by aggregate),
views (what a projector saves).
"""

from engine.store.reader import Reader
from engine.store.views import View
from engine.store.writer import Writer

__all__ = ["Reader", "View", "Writer"]
