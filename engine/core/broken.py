"""A section that cannot be finished."""


class Broken(Exception):
    """A bug of the application came out when state had changed already."""
