"""The business core: pure, deterministic, without I/O.

Reading order: window (which command ids have been handled), partition (sections in, batches out).
"""
