"""The supervisor, and `Node`: a node of their own for tests and programs."""
