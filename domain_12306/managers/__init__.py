"""What takes an order from one aggregate to the next.

Reading order: booking (from an order to its tickets, and back if something goes wrong).
"""
