"""What can go wrong. None of the errors ever has a payload in it."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .status import Status


class DestinationsError(Exception):
    """Any error of this package."""


class InvalidOptionError(DestinationsError, ValueError):
    """An option of `connect` is unknown, out of range, or contradicts another one.

    option: its name.
    """

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")
        self.option = option
        self.reason = reason


class RejectedError(DestinationsError):
    """The event was rejected, by the client or by the service. The others are not.

    code: why, for programs: a RejectionCode of the API without its first words, such as
    "PAYLOAD_LINE_BREAK"; by the client also "ID_INVALID" and "REQUEST_TOO_LARGE".
    field: the argument that is at fault, such as "payload"; "" if none is.
    reason: why, for people.
    """

    def __init__(self, code: str, field: str, reason: str) -> None:
        super().__init__(f"the event was rejected: {code}: {reason}")
        self.code = code
        self.field = field
        self.reason = reason


class SerializationError(DestinationsError):
    """The payload can't be serialised; the encoder's error is the cause.

    field: "payload". reason: why, for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the payload can't be serialised: {reason}")
        self.field = "payload"
        self.reason = reason


class BufferFullError(DestinationsError):
    """There is no room for the event.

    limit: bytes that the full buffer (or the line before it) takes. held: bytes in it.
    """

    def __init__(self, limit: int, held: int, what: str = "max_buffered_bytes") -> None:
        super().__init__(f"no room for the event: {held} of {limit} bytes are held ({what})")
        self.limit = limit
        self.held = held


class ClosedError(DestinationsError):
    """The client is closed, or is being closed, and takes nothing more."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


class UnansweredError(DestinationsError):
    """There was no answer when the client was closed: the events may be accepted or not.

    events, bytes: what was left in the client.
    """

    def __init__(self, events: int, bytes: int, why: str = "when the client was closed") -> None:
        super().__init__(f"no answer {why}: {events} events of {bytes} bytes were left")
        self.events = events
        self.bytes = bytes


class ClientFailedError(DestinationsError):
    """The service refuses what the client does, and trying again would not help.

    code: the gRPC status, such as "PERMISSION_DENIED". reason: ErrorInfo.reason, or "".
    message: what was said, for people.
    """

    def __init__(self, code: str, reason: str, message: str) -> None:
        named = f"{code} ({reason})" if reason else code
        super().__init__(f"the service refuses: {named}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class TimeoutError(DestinationsError, builtins.TimeoutError):
    """The time is over; nothing is lost, and the same may be waited for again.

    left: what has not come yet, for people.
    """

    def __init__(self, what: str, left: str) -> None:
        super().__init__(f"{what}: the time is over: {left}")
        self.left = left


class DeadError(DestinationsError):
    """The events will not be delivered by themselves.

    status: the last status.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(f"the events are dead: {status.code}: {status.message}")
        self.status = status
