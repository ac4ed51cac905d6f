"""What decides. Each file is one aggregate, and one command changes one of them.

Reading order: order (what came first, and is there money), account (may the user), itinerary (can the
passenger), train_run (are there seats).
"""
