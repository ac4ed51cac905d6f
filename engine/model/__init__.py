"""The words a developer writes.

Reading order: messages (commands and events), defaults (what stands where none was given), declared (what a
command may be answered with), access (who may send or ask it from outside), stamp (time and order), outcomes
(what a handler may return), fitting (events that could not be read again), plan (that, in little time),
rereading (that, for certain), aggregates (decide and apply), state (what an aggregate remembers), commit
(what a command's events become), handlers (of events), tables (rows that the engine keeps), readable (types
of rows), queries, projections (views), process_managers (across aggregates), delivery and workers (what
reaches outside), marks and parameters (what decorators note, what methods are given), app (where all of it is
registered), checks (what could not work), forms (of message classes), references and loading (an application
by its name), describing (for clients in other languages).
"""
