"""The business core: pure, deterministic, without I/O.

Reading order: window (which command ids have been handled), memory and idle (the aggregates), deciding (one
command in an unusual case), tally (the outcomes of a section), flights (what is not known to be stored yet),
archive (what the core asks the store), broken (a section that cannot be finished), partition (sections in,
batches out).
"""
