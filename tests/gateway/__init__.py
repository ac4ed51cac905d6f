"""The gateway of a real node, as programs and browsers meet it: over HTTP alone.

Reading order: parcels (the application), http (a client of few lines), and the tests.
"""
