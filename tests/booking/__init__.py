"""Tickets are bought while processes die."""
