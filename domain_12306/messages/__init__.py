"""What can be asked of an aggregate, and what happens to it: a file of commands and events for each.

Reading order: train_run.
"""

from domain_12306.messages.train_run import (
    CoachList,
    ConfirmOrder,
    Name,
    OpenRun,
    OrderConfirmed,
    OrderId,
    ReleaseOrder,
    ReserveSeats,
    RunOpened,
    SeatGaps,
    SeatsReleased,
    SeatsReserved,
    StopList,
)

__all__ = [
    "CoachList",
    "ConfirmOrder",
    "Name",
    "OpenRun",
    "OrderConfirmed",
    "OrderId",
    "ReleaseOrder",
    "ReserveSeats",
    "RunOpened",
    "SeatGaps",
    "SeatsReleased",
    "SeatsReserved",
    "StopList",
]
