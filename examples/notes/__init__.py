"""Notes with a title: the smallest application. `python -m examples.notes` runs it.

Reading order: messages (what is wished, what happened), note (the aggregate, which decides), listing (the
view).
"""

from engine import Engine
from examples.notes.listing import Listing
from examples.notes.note import Note

app = Engine("notes", aggregates=[Note], projections=[Listing])
"""What `--app examples.notes:app` names."""
