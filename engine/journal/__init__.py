"""The journal: every accepted command, in order, durable before it is answered.

Reading order: `frame` and `segment` are the format, `writer` appends, `spare` is the segment made ahead,
`walk` and `reader` read back, `verdict` is the table of what a start does with the journal, `scan` looks at
all of it, `recovery` acts, `pruning` removes what is no longer needed and `beginning` notes that,
`inspection` is for the command line, `poisoned` lists commands that no replay runs again. Only
`engine.base.files` touches the disk.
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
