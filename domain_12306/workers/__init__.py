"""What reaches outside.

Reading order: provider (of payments, as an interface), simulated (one that is slow, refuses, answers twice,
late or never), payments (the worker that asks it), calendar (which puts trains on sale).
"""
