"""Three cancellations end a user's day, and no more than the day."""

from datetime import UTC, datetime, timedelta

from domain_12306.aggregates.account import Account
from domain_12306.messages import AdmitOrder, Booking, CancellationNoted, NoteCancellation, OrderAdmitted
from engine.testing import given

EVENING = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)  # a minute before midnight in China
DAY = "2026-11-24"
BOOKING = Booking("o", "u", "T1/x", "O", "a", "b", ["p"], EVENING, EVENING, 100)
ADMIT = AdmitOrder("u", booking=BOOKING)


def test_after_two_cancellations_a_user_may_order_and_after_three_not_before_the_next_day() -> None:
    two = [CancellationNoted(order, DAY) for order in "ab"]
    story = given(Account, *two).when(ADMIT, at=EVENING).then(OrderAdmitted(BOOKING))
    story = story.when(NoteCancellation("u", order="c"), at=EVENING).then(CancellationNoted("c", DAY))
    story.when(AdmitOrder("u", booking=BOOKING), at=EVENING).rejected("too-many-cancellations")
    tomorrow = EVENING + timedelta(minutes=1)
    story.when(AdmitOrder("u", booking=BOOKING), at=tomorrow).then(OrderAdmitted(BOOKING))


def test_cancellations_of_days_before_do_not_count() -> None:
    before = [CancellationNoted(order, "2026-11-23") for order in "abc"]
    given(Account, *before).when(ADMIT, at=EVENING).then(OrderAdmitted(BOOKING))
