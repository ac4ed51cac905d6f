"""Process managers at work, without processes and sockets.

Reading order: birth (which events are history to a process manager), identity (ids that follow from what is
handled), step (`send` as a handler sees it), outbox (commands that must arrive), timers (commands that must
leave later), ended (what became of timers), setbacks (refusals whose handler failed), manager (all of it as a
target that a `Fold` drives), intake (events only as fast as there is room), instance and questions (what it
answers about itself). `engine.processes.manager` is the process around it.
"""

from engine.managers.birth import Birth, read_birth, record_births
from engine.managers.manager import MOST_WAITING, Manager

__all__ = ["MOST_WAITING", "Birth", "Manager", "read_birth", "record_births"]
