"""Commands whose answers were lost with the node that had to give them: a gate counts them as in flight, and
would for ever.

What was in flight of a client at each look for a while is taken for lost. A client that always has much in
flight gains by it: it may have twice as much as its limit.
"""

LOOK_S = 1.0
LOOKS = 30


class Unanswered:
    """What a gate has in flight, watched. `forgiven`: how many commands were taken for lost."""

    def __init__(self) -> None:
        self.forgiven = 0
        self._least: dict[bytes, int] = {}
        self._looks = 0
        self._look_at = 0.0

    def look(self, in_flight: dict[bytes, int], now: float) -> None:
        """Looks, if it is time, and takes off what is lost. `now`: seconds that never go back."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        if self._looks == 0:
            self._least = dict(in_flight)
        else:
            self._least = {
                who: min(count, in_flight[who]) for who, count in self._least.items() if who in in_flight
            }
        self._looks += 1
        if self._looks > LOOKS:
            self._looks = 0
            for who, count in self._least.items():
                self.forgiven += count
                if in_flight[who] > count:
                    in_flight[who] -= count
                else:
                    del in_flight[who]
