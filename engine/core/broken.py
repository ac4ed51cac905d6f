"""The errors of a section that cannot be finished."""


class Broken(Exception):
    """A bug of the application that came out when state had changed already."""


class TooMuch(Broken):
    """What was decided takes more bytes than can be handed on at once."""
