"""Seats without trains: which are free from where to where, and which one is taken.

Reading order: gaps (what is free), seats (numbers and letters), policy (which one).
"""
