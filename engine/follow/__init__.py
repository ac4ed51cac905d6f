"""Following the log: what projections and process managers share, without processes and sockets.

Reading order: target (what is driven), handlers (which methods run for a commit, in which order), projected
(a projection as a target), letters (aggregates that are set aside), fold (drives a target through the log:
order, gaps, retries, dead letters, saving), questions (what every view answers), generations (which folder
of a view is served, and which is being built).
"""

from engine.follow.fold import Fold
from engine.follow.handlers import Dispatch
from engine.follow.letters import Letter, Letters
from engine.follow.projected import Projected
from engine.follow.target import Stumbled, Target

__all__ = ["Dispatch", "Fold", "Letter", "Letters", "Projected", "Stumbled", "Target"]
