"""What runs: read from files, or built in.

Reading order: rows (of a file), timetable, builtin_timetable, stations, spelling, coaches, plan (stops and
coaches of a run, prepared for selling).
"""
