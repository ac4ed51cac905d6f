"""Clients, sync and async, around one conversation that does no I/O.

Reading order: address, receipts, conversation (commands), queries (what is asked and told), arrival (a node
that is starting), asking, sockets, sync, aio. Programs import them from `engine`.
"""
