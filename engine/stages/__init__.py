"""The stages: what each decides, without sockets, rings or waiting. The processes and the testing kit run the
same code.

Reading order: gate (what is admitted), backlog (how much may wait), sequencer (sequences, time and the
journal), clock_watch (a clock that is behind), recovering and poison (a core's start and its deaths), storing
(the output's turn), projecting, serving and building (views), managing, shadowing and post (process
managers), taking and working (workers), query_desk, poisoned_queries (what ended the process that answered),
scrubbing (when stores are held against themselves), snapshotting, pruner, metering (what each process
counts).
"""
