"""The words a developer writes.

Reading order: messages (commands, events), stamp (time and order from outside), outcomes (what a handler may
answer), aggregates (decide and apply), commit (what a command's events become), handlers (of events), tables
(rows that the engine keeps), queries, projections (views), process_managers (across aggregates), marks and
parameters (what decorators note, what methods are given), app (where all of it is registered), checks (what
could not work), loading (an application by its name), describing (for clients in other languages).
"""
