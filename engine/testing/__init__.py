"""The testing kit: an application tried out without processes, clocks or sleeps.

Reading order: given (an aggregate, a process manager or a view), aggregates and lone (on one partition),
process_managers, views, disorder and entries (without a node), inline (a whole node in one thread), clock,
pipeline and followers (its parts), wires (in place of sockets), plugin (fixtures of pytest, for projects that
ask for them). `replay` (today's handlers over a recorded journal) is from `engine.reading`.
"""

from typing import TYPE_CHECKING

from engine.base.lazy_names import lazy_names

if TYPE_CHECKING:
    from engine.reading.replay import Difference, replay
    from engine.testing.given import given
    from engine.testing.inline import HandlerKeepsFailing, InlineClient, InlineEngine

_HOMES = {
    "engine.reading.replay": ("Difference", "replay"),
    "engine.testing.given": ("given",),
    "engine.testing.inline": ("HandlerKeepsFailing", "InlineClient", "InlineEngine"),
}

__all__ = ["Difference", "HandlerKeepsFailing", "InlineClient", "InlineEngine", "given", "replay"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds a wrong name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
