"""Clients, sync and async, around one conversation that does no I/O. Programs import them from `engine`.

Reading order: address, receipts, conversation (commands), queries (what is asked and told), arrival (a node
that is starting), typed (a query named by its method), asking, sockets, sync, aio.
"""
