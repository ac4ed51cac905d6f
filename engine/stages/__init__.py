"""What each stage decides, without sockets, rings or waiting: the processes and the testing kit run the same.

Reading order, along a command's way: gate (what is let in), sequencer (sequences, time and the journal),
recovering and poison (the core's start and its deaths), then query_desk, serving and building (views), post
(a process manager's commands), pruner.
"""
