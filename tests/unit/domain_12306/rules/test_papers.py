"""One person is one person, however the number of the papers was typed."""

import random

import pytest

from domain_12306.rules.papers import BadPapers, Papers, check_digit, identity_of, number_of

NUMBER = "11010519491231002X"  # the example of GB 11643


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER,
        NUMBER.lower(),
        f" {NUMBER}\n",
        "110105 19491231 002X",
        "110105-19491231-002x",
        "110105—19491231—002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105\u300019491231\u200b002\u00a0X",
    ],
)
def test_a_number_is_the_same_however_it_was_typed(typed: str) -> None:
    assert number_of(Papers.ID_CARD, typed) == NUMBER
    assert identity_of(Papers.ID_CARD, typed) == f"ID_CARD:{NUMBER}"


def test_other_papers_are_others_and_the_same_number_of_another_kind_too() -> None:
    identities = {identity_of(kind, NUMBER) for kind in Papers}
    assert len(identities) == len(Papers)
    assert identity_of(Papers.PASSPORT, " e1234567 8") == "PASSPORT:E12345678"


def test_one_wrong_digit_or_two_that_changed_places_make_no_id_card() -> None:
    draw = random.Random(1)
    for _ in range(300):
        digits = "".join(draw.choices("0123456789", k=17))
        number = digits + check_digit(digits)
        assert number_of(Papers.ID_CARD, number) == number
        place = draw.randrange(17)
        for other in "0123456789":
            wrong = number[:place] + other + number[place + 1 :]
            if wrong != number:
                with pytest.raises(BadPapers, match="check digit"):
                    number_of(Papers.ID_CARD, wrong)
        if place < 16 and number[place] != number[place + 1]:
            wrong = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
            with pytest.raises(BadPapers, match="check digit"):
                number_of(Papers.ID_CARD, wrong)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (Papers.ID_CARD, ""),
        (Papers.ID_CARD, NUMBER[:-1]),
        (Papers.ID_CARD, NUMBER + "1"),
        (Papers.ID_CARD, "X" + NUMBER[1:]),
        (Papers.PASSPORT, "E123"),
        (Papers.PASSPORT, 21 * "1"),
        (Papers.PASSPORT, "E1234/5678"),
        (Papers.PASSPORT, "Е12345678"),  # the first letter is Cyrillic
    ],
)
def test_what_no_papers_have_is_refused_and_the_error_does_not_repeat_it(kind: Papers, typed: str) -> None:
    with pytest.raises(BadPapers) as error:
        number_of(kind, typed)
    assert not typed or typed not in str(error.value)
