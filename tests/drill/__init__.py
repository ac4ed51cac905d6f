"""An incident drill: a node with a fault that a script sets, to be named from `doctor`, `top` or the metrics
alone.

    python -m tests.drill --fault behind        or without it: one of them, and only `--tell` says which
"""
