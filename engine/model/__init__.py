"""The words a developer writes.

Reading order: messages (commands, events), stamp (time and order from outside), outcomes (what a
handler may answer), aggregates (decide and apply), projections (views), app (the registry).
"""
