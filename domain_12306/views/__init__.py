"""What passengers see.

Reading order: answers (what a query returns), board (which trains), tables and changes (how many seats, in a
few arrays), inventory (the view of what is left), orders (how
they stand).
"""
