"""The ground: what every other package stands on. It knows nothing of commands or events.

Reading order: errors (a small closed family, by whose fault), identity (ids and hashes), files and durable
(writing so that a power cut finds the old or the new), lock, log_line, progress, called (the command that was
typed), crash (points where a test kills a process), lazy_names (what a package imports when it is used).
"""
