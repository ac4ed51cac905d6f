"""The testing kit: an application tried out without processes, clocks or sleeps.

Reading order: inline (a whole node in one thread), pipeline and followers (its two sides), wires (what
stands in for sockets).
"""

from engine.testing.inline import InlineClient, InlineEngine

__all__ = ["InlineClient", "InlineEngine"]
