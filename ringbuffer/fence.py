"""The fence: the one ordering that x86-64 does not give by itself, and what a lost wake-up can cost.

x86-64 keeps stores in order and loads in order, so storing data and then the cursor is safe as it is. It does
not keep a store before a later load of another word. Parking needs exactly that, on both sides:

    producer   store cursor        FENCE   load parked    → odd: ring the bell
    consumer   store parked odd    FENCE   load cursor    → moved: do not sleep

Without the fences both may read the old value. Then the producer does not see the consumer parked, the
consumer sees nothing published, and it sleeps on a full ring. An uncontended lock is acquired by a locked
instruction, which is a full barrier on x86-64. That is how CPython is built on Linux, but it is not promised,
so every sleep is bounded as well, and a wake-up lost for any reason costs that bound and no more. It is an
RLock, so that a signal handler that publishes in the middle of a publish does not wait for itself.

On ARM64 data and cursor would need fences of their own, so the ring is best effort there.
"""

import threading
from typing import Final

_LOCK: Final = threading.RLock()


def fence() -> None:
    """Keeps the loads after this call from being done before the stores ahead of it."""
    with _LOCK:
        pass
