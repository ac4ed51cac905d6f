"""The business core: pure, deterministic, without I/O.

Reading order: window (which command ids have been handled), memory and idle (the aggregates), deciding (one
command in an unusual case), tally (what a section comes to), flights (what is not known to be stored yet),
archive (what the core asks the store), partition (sections in, batches out).
"""
