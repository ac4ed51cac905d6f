"""The journal: every accepted command, in order, durable before it is answered.

Reading order: frame and segment (the format), writer (appends), spare (the segment made ahead), walk and
reader (read back), verdict (the table of what a start does with a journal), scan (looks at all of it),
recovery (acts), pruning (removes what is no longer needed), beginning (notes where the journal begins since
then), poisoned and refused (commands that no replay runs again), inspection (for the command line). Only
`engine.base.files` touches the disk.
"""

from engine.journal.frame import Frame
from engine.journal.inspection import Report, dump, last_sequence, verify
from engine.journal.pruning import prune
from engine.journal.reader import read
from engine.journal.recovery import Recovered, recover
from engine.journal.walk import Problem
from engine.journal.writer import SEGMENT_BYTES, Writer

__all__ = [
    "SEGMENT_BYTES", "Frame", "Problem", "Recovered", "Report", "Writer", "dump", "last_sequence", "prune",
    "read", "recover", "verify",
]  # fmt: skip
