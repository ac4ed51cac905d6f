"""The errors of a ring. A caller's mistake, such as a batch that can never fit, is a ValueError instead."""


class RingError(Exception):
    """A ring that cannot be used: not a ring, another version, damaged, in use. `facts` print on the same
    line."""

    def __init__(self, message: str, **facts: object) -> None:
        text = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{message} ({text})" if text else message)
        self.facts = facts


class WaitEnded(RingError):
    """A blocking call that gave up. `published` records of its batch are in the ring and will be taken."""

    def __init__(self, message: str, published: int = 0, **facts: object) -> None:
        super().__init__(message, published=published, **facts)
        self.published = published


class RingTimeout(WaitEnded):
    """A wait whose deadline passed."""


class Aborted(WaitEnded):
    """A wait that the caller's `abort` ended."""


class PeerGone(WaitEnded):
    """A wait for a process that is no longer alive, as the caller's `liveness` says."""
