"""What decides. Each file is one aggregate, and one command changes one of them.

Reading order: order (what came first), account (may the user), itinerary (can the passenger), train_run (are
there seats), payment (is there money).
"""
