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
    third = NoteCancellation("u", order="c", date=DAY)
    story = story.when(third, at=EVENING).then(CancellationNoted("c", DAY))
    story.when(AdmitOrder("u", booking=BOOKING), at=EVENING).rejected("too-many-cancellations")
    tomorrow = EVENING + timedelta(minutes=1)
    story.when(AdmitOrder("u", booking=BOOKING), at=tomorrow).then(OrderAdmitted(BOOKING))


def test_cancellations_of_days_before_do_not_count() -> None:
    before = [CancellationNoted(order, "2026-11-23") for order in "abc"]
    given(Account, *before).when(ADMIT, at=EVENING).then(OrderAdmitted(BOOKING))


def test_a_cancellation_counts_on_its_own_day_however_late_it_is_noted() -> None:
    tomorrow = EVENING + timedelta(minutes=2)
    two = [CancellationNoted(order, "2026-11-25") for order in "ab"]
    late = NoteCancellation("u", order="late", date=DAY)
    given(Account, *two).when(late, at=tomorrow).unchanged().when(ADMIT, at=tomorrow).then(
        OrderAdmitted(BOOKING)
    )
    story = given(Account, *[CancellationNoted(order, DAY) for order in "ab"])
    story = story.when(late, at=tomorrow).then(CancellationNoted("late", DAY))
    story.when(ADMIT, at=tomorrow).then(OrderAdmitted(BOOKING))
