"""The rules, as tables.

Reading order: rejections (every reason to say no), times (days, and how long things may take),
opening (when a station begins to sell a
day), papers (by which one person is told from another).
"""
