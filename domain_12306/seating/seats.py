"""Seat numbers as printed on tickets, and which seats are neighbours.

A seat's number inside its class counts through the train: coach by coach, row by row, letter by letter.
Every label and every neighbour follows from the coach list alone, and no table is stored.

    二等 P 特等   A B C | D F        一等  A C | D F        商务  A C | F
    硬座 硬卧 软卧: a running number in the coach, berths with their level
"""

from collections.abc import Sequence

CLASS_NAMES = {
    "9": "商务座",
    "P": "特等座",
    "D": "优选一等座",
    "M": "一等座",
    "O": "二等座",
    "S": "二等包座",
    "6": "高级软卧",
    "A": "高级动卧",
    "4": "软卧",
    "F": "动卧",
    "I": "一等卧",
    "3": "硬卧",
    "J": "二等卧",
    "2": "软座",
    "1": "硬座",
    "W": "无座",
    "H": "其他",
}
"""As they are printed, in the order in which passengers see them."""

LETTERS = {"9": "ACF", "P": "ACDF", "D": "ACDF", "M": "ACDF", "O": "ABCDF", "S": "ABCDF", "2": "ABCDF"}
"""Classes with a row and a letter; A and F are at the window, C and D at the aisle."""

BERTHS = {"3": "上中下", "J": "上中下", "4": "上下", "F": "上下", "I": "上下", "6": "上下", "A": "上下"}
"""Classes with berth levels; both sides of a bay or compartment make one row."""

HARD_SEATS_A_ROW = 5


def row_length(seat_class: str) -> int:
    """The number of seats that count as one row when a group wants to sit together."""
    if seat_class in LETTERS:
        return len(LETTERS[seat_class])
    if seat_class in BERTHS:
        return 2 * len(BERTHS[seat_class])
    return HARD_SEATS_A_ROW


def coach_labels(coaches: Sequence[tuple[int, str, int]], seat_class: str) -> list[str]:
    """The label of every seat of a class, by seat number: `05车12A号`, `09车03号上铺`."""
    labels: list[str] = []
    rows_used: dict[int, int] = {}
    for coach, code, seats in coaches:
        if code in LETTERS:
            letters = LETTERS[code]
            first = rows_used.get(coach, 0)  # two classes in one coach go on counting rows
            rows_used[coach] = first + -(-seats // len(letters))
            if code == seat_class:
                labels += [
                    f"{coach:02d}车{first + 1 + k // len(letters):02d}{letters[k % len(letters)]}号"
                    for k in range(seats)
                ]
        elif code == seat_class and code in BERTHS:
            levels = BERTHS[code]
            labels += [
                f"{coach:02d}车{1 + k // len(levels):02d}号{levels[k % len(levels)]}铺" for k in range(seats)
            ]
        elif code == seat_class:
            labels += [f"{coach:02d}车{k + 1:03d}号" for k in range(seats)]
    return labels


class Layout:
    """The neighbourhood of the seats of one class as bit masks; seat s is bit s, as in `gaps.py`."""

    __slots__ = ("coaches", "row_starts")

    def __init__(self, coaches: Sequence[tuple[int, str, int]], seat_class: str) -> None:
        row = row_length(seat_class)
        self.row_starts: list[int] = [0] * 6
        """Per party size: the seats that have so many seats of their row from themselves on."""
        seat = 0
        masks: dict[int, int] = {}
        for coach, code, seats in coaches:
            if code != seat_class:
                continue
            for k in range(seats):
                bit = 1 << seat
                masks[coach] = masks.get(coach, 0) | bit
                left_in_row = min(row - k % row, seats - k)
                for party in range(1, min(left_in_row, 5) + 1):
                    self.row_starts[party] |= bit
                seat += 1
        self.coaches: list[int] = list(masks.values())
        """Per coach that has the class: its seats."""

    def together(self, free: int, party: int) -> int:
        """The seats s such that s, s + 1 … s + party - 1 are free and in one row."""
        starts = free & self.row_starts[party]
        for distance in range(1, party):
            starts &= free >> distance
        return starts
