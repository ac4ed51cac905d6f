"""The event store: LMDB, one environment per partition, one writer, many readers.

Reading order: format (tables and keys), opening (why a file may not open), head and pages (is the file
whole?), room (is there any?), writer (group commit), impossible (what it has no place for), commands (from
an id to its commit and to what it led to), entries (decoding parts of records), reader (by position, by
aggregate, by type), archive (as the core asks it), scrub (are log and indexes whole?), foreign (appending
from outside the node), place (how far a node of a cluster has followed), kept (the last messages that it
followed), views (what a projector saves).
"""

from engine.store.commands import Child, LocatedCommit
from engine.store.entries import Types
from engine.store.reader import Reader
from engine.store.views import View
from engine.store.writer import Conflict, Writer

__all__ = ["Child", "Conflict", "LocatedCommit", "Reader", "Types", "View", "Writer"]
