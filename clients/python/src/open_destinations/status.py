"""What became of the events of a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ._proto import deliveries_pb2 as api

_STATE = "DELIVERY_STATE_"


@dataclass(frozen=True, slots=True)
class DeliveredObject:
    """An object in S3.

    etag: as S3 gave it; "" if not known. size: its bytes; 0 if not known.
    events: events in it, those of others included.
    """

    bucket: str
    key: str
    etag: str
    size: int
    events: int


@dataclass(frozen=True, slots=True)
class Status:
    """How far the events of a receipt are.

    state: PENDING, UPLOADING, BLOCKED, PARTIAL, DELIVERED or DEAD.
    objects: those that hold them, in the order of the events, at most 1,000; none if all
    of them had been sent before.
    code, message: what keeps them from being delivered; "" if nothing does.
    next_try: when they are tried next; None if no pause has to pass before.
    details_expired: they are delivered, and it is not known any more in which objects.
    """

    state: str
    objects: tuple[DeliveredObject, ...]
    code: str
    message: str
    next_try: datetime | None
    details_expired: bool


def status_of(delivery: api.Delivery) -> Status:
    """Reads the API's message."""
    objects = (DeliveredObject(o.bucket, o.key, o.etag, o.size, o.events) for o in delivery.objects)
    next_try = delivery.next_try.ToDatetime(UTC) if delivery.HasField("next_try") else None
    return Status(
        state=_name(delivery.state),
        objects=tuple(objects),
        code=delivery.code,
        message=delivery.message,
        next_try=next_try,
        details_expired=delivery.details_expired,
    )


def _name(state: int) -> str:
    """A state that a later version of the API has is its number."""
    known = state in api.DeliveryState.values()
    return api.DeliveryState.Name(state).removeprefix(_STATE) if known else str(state)
