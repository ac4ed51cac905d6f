"""Travellers that do not exist, for the demo and for benchmarks, and whether all went right.

Reading order: synthetic (a run as simple as can be), demand (travellers of the timetable), audit.
"""
