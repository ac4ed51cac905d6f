"""The command line, one file a command.

Reading order: command (what a command is), commands (the table of them), parser (from what was typed to a
command), arguments (one line for a wrong one), printing (text, or JSON in one schema), options, asking,
observing, apart (what several share), table, sizes, time_text, masking, sending (who sends), measuring (for
`top`), findings (what is wrong), drawing (`top` on a terminal), letters, log_tail, diagnosis (for `doctor`),
finding, watching, dev_node (for `dev`), cheats (for `cheat`), cluster_care (for `cluster`).

Then each command, imported only when it is used: new, dev, serve, status, top, health, doctor, clock, config,
check, query, view, follower, dead_letter, process_manager, events, aggregate, trace, describe, snapshot,
journal, store, restore, cluster, replay, tokens, audit, cheat, completion.

`main` is the whole of it. A program that brings an application with it passes its defaults, its settings
and its own commands; `ringfold` is the same without any.
"""

from engine.cli.command import Command, Program
from engine.cli.parser import main

__all__ = ["Command", "Program", "main"]
