"""The journal: every accepted command, in order, durable before it is answered.

Read in this order: `frame` and `segment` are the format, `writer` appends, `reader` reads back, `verdict`
is the table of what a start does with what it finds, `survey` looks, `recovery` acts, `pruning` removes
what nobody needs and `beginning` notes it, `inspection` is for the command line; `files` is all that
touches the disk, `spare` the segment made ahead.
"""

from engine.journal.frame import Frame
from engine.journal.inspection import Report, dump, verify
from engine.journal.pruning import prune
from engine.journal.reader import read
from engine.journal.recovery import Recovered, recover
from engine.journal.walk import Problem
from engine.journal.writer import SEGMENT_BYTES, Writer

__all__ = [
    "SEGMENT_BYTES", "Frame", "Problem", "Recovered", "Report", "Writer", "dump", "prune", "read", "recover",
    "verify",
]  # fmt: skip
