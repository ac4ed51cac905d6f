"""The event store: LMDB, one environment per partition, one writer, many readers.

Reading order: format (tables and keys), writer (group commit), entries (taking records apart), reader (by
position, by aggregate, by type), archive (as the core asks), foreign (appending beside a node), views (what
a projector saves).
"""

from engine.store.entries import Types
from engine.store.foreign import append_foreign
from engine.store.reader import Reader
from engine.store.views import View
from engine.store.writer import Conflict, Writer

__all__ = ["Conflict", "Reader", "Types", "View", "Writer", "append_foreign"]
