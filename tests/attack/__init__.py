"""Attacks on a node from outside: none may stop it, or make one of its processes grow by 50 MB."""
