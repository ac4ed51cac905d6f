"""Following the log: what projections and process managers share, without processes and sockets.

Reading order: target (what is driven), handlers (which methods run for a commit, and in which order),
allowance (how much a `save` may give), projected (a projection as a target), dead_letters (aggregates that
are set aside), pace (how long a turn lasts), fold (drives a target through the log: order, gaps, retries,
dead letters, checkpoints), arguments (of queries, as people type them), questions (what every view answers),
generations (which folder of a view is served, and which is being built), code (whether it was made by the
code of today), standing (whether the log is the one that was known).
"""

from engine.follow.dead_letters import DeadLetter, DeadLetters
from engine.follow.fold import Fold
from engine.follow.handlers import Dispatch
from engine.follow.projected import Projected
from engine.follow.target import HandlerFailed, Target

__all__ = ["DeadLetter", "DeadLetters", "Dispatch", "Fold", "HandlerFailed", "Projected", "Target"]
