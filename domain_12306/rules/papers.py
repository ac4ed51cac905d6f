"""Papers, by which one person is told from another: their kind and number, however they were typed.

    " 11010519491231002x "    １１０１０５１９４９１２３１００２Ｘ    110105-19491231-002X    are one number

One id has one ticket for a train, so the same number typed in another way must not be another person.
"""

import unicodedata
from enum import StrEnum

LONGEST, SHORTEST = 20, 5
ID_CARD_DIGITS = 18
CHECK = "10X98765432"  # by the sum of the digits in their weights, modulo 11, as in GB 11643


class Papers(StrEnum):
    """The kinds that tickets are sold for."""

    ID_CARD = "居民身份证"
    PASSPORT = "护照"
    HONG_KONG_MACAO = "港澳居民来往内地通行证"
    TAIWAN = "台湾居民来往大陆通行证"
    RESIDENCE = "外国人永久居留身份证"


class BadPapers(ValueError):
    """A number that no papers of the kind have. It says why, and nothing of the number."""


def number_of(kind: Papers, typed: str) -> str:
    """The number, in the one way in which it is written here. Raises BadPapers."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    number = "".join(c for c in plain if not (c.isspace() or unicodedata.category(c) in ("Pd", "Cf")))
    if not (number.isascii() and number.isalnum() and SHORTEST <= len(number) <= LONGEST):
        raise BadPapers(f"a number has {SHORTEST} to {LONGEST} letters and digits")
    if kind is Papers.ID_CARD:
        if len(number) != ID_CARD_DIGITS or not number[:-1].isdigit():
            raise BadPapers("the number of an id card has 17 digits and a check digit")
        if number[-1] != check_digit(number[:-1]):
            raise BadPapers("the check digit does not fit the others")
    return number


def identity_of(kind: Papers, typed: str) -> str:
    """What the vault tells people apart by. Raises BadPapers."""
    return f"{kind.name}:{number_of(kind, typed)}"


def check_digit(digits: str) -> str:
    """The last character of an id card's number, from the 17 before it."""
    return CHECK[sum(int(digit) << 17 - place for place, digit in enumerate(digits)) % 11]
