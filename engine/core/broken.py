"""The error of a section that cannot be finished."""


class Broken(Exception):
    """A bug of the application that came out when state had changed already."""
