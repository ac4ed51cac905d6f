"""Notes with a title: the smallest application. `python -m examples.notes` runs it.

Reading order: messages (what is wished, what happened), note (the aggregate, which decides), listing (the
view).
"""

from collections.abc import Mapping

from engine import Engine
from examples.notes.listing import Listing
from examples.notes.note import Note


def create(settings: Mapping[str, str]) -> Engine:
    """What `--app examples.notes:create` names."""
    app = Engine("notes")
    app.aggregate(Note)
    app.projection("notes", version=1)(Listing)
    return app
