"""The testing kit: an application tried out without processes, clocks or sleeps.

Reading order: given (an aggregate, a process manager or a view, with `aggregates`, `processes` and `views`
behind it, and `lone` behind aggregates), inline (a whole node in one thread, with `pipeline` and `followers`
as its two sides), replay (today's handlers over a recorded journal), plugin (all of it as fixtures).
"""

from engine.reading.replay import Difference, replay
from engine.testing.given import given
from engine.testing.inline import InlineClient, InlineEngine

__all__ = ["Difference", "InlineClient", "InlineEngine", "given", "replay"]
