"""Clients, sync and async, around one conversation that does no I/O.

Reading order: receipts, conversation, endpoints, sync, aio. Programs import them from `engine`.
"""
