"""Clients, sync and async, around one conversation that does no I/O. Programs import them from `engine`.

Reading order: address, receipts, tickets, conversation (commands), queries (what is asked and told), typed (a
query named by its method), asking, sockets, knocks (whether a node answers), gates (which of several nodes is
used), arrival (a node that is starting), sync, pool (clients for threads), view_socket, aio.
"""
