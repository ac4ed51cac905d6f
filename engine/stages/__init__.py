"""What each stage decides, without sockets, rings or waiting: the processes and the testing kit run the same.

Reading order, along a command's way: gate (what is let in), sequencer (sequences, time and the journal),
recovering and poison (the core's start and its deaths), storing (the output stage), then projecting, serving
and building (views), managing and post (process managers), query_desk, pruner.
"""
