"""The rules, as tables.

Reading order: rejections (every reason to say no).
"""
