"""What can go wrong with a ring. A caller's mistake (a batch that can never fit, say) is a ValueError."""


class RingError(Exception):
    """The ring cannot be used: not one, not this version, damaged, in use. `facts` print on the same line."""

    def __init__(self, message: str, **facts: object) -> None:
        told = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{message} ({told})" if told else message)
        self.facts = facts


class WaitEnded(RingError):
    """A blocking call gave up. `published` records of its batch are in the ring and will be taken."""

    def __init__(self, message: str, published: int = 0, **facts: object) -> None:
        super().__init__(message, published=published, **facts)
        self.published = published


class RingTimeout(WaitEnded):
    """The deadline passed."""


class Aborted(WaitEnded):
    """The caller's `abort` said so."""


class PeerGone(WaitEnded):
    """The caller's `liveness` said that the process at the other end is no more."""
