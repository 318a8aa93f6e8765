"""What it means that a stream or a call has ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import grpc
from google.protobuf.message import DecodeError

from ._proto import error_details_pb2 as details

_DETAILS = "grpc-status-details-bin"
_AGAIN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN", "CANCELLED", "OK"}
_LATER = {"JOURNAL_FULL", "MEMORY_FULL", "RATE_EXCEEDED", "TOO_MANY_CALLS"}
_MAX_DELAY = 60.0  # s; a service that says more than that is asked sooner


class Verdict(Enum):
    """What there is to do."""

    AGAIN = auto()  # open another stream, and send there what has no answer
    TOO_LARGE = auto()  # the same, without the events of the largest request
    FAILED = auto()  # trying again would not help


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended.

    code: the gRPC status. reason: ErrorInfo.reason, or "". delay: RetryInfo's, in seconds.
    """

    code: str
    reason: str = ""
    message: str = ""
    delay: float = 0.0

    def verdict(self, token_may_change: bool) -> Verdict:
        """What there is to do about a stream that ended so."""
        if self.code in _AGAIN or (self.code == "UNAUTHENTICATED" and token_may_change):
            return Verdict.AGAIN
        if self.code == "INTERNAL" and self.reason != "MALFORMED_REQUEST":
            return Verdict.AGAIN
        if self.code == "RESOURCE_EXHAUSTED":
            if self.reason in _LATER:
                return Verdict.AGAIN
            if self.reason == "REQUEST_TOO_LARGE" or (not self.reason and "larger than max" in self.message):
                return Verdict.TOO_LARGE
        return Verdict.FAILED

    def __str__(self) -> str:
        named = f"{self.code} ({self.reason})" if self.reason else self.code
        return f"{named}: {self.message}" if self.message else named


def ending_of(error: grpc.RpcError) -> Ending:
    """Reads an error of grpc, which is the ended call at the same time."""
    code, message, trailers = error.code(), error.details(), error.trailing_metadata()
    name = code.name if code is not None else "UNKNOWN"
    raw = next((value for key, value in trailers or () if key == _DETAILS), b"")
    reason, delay = _details(raw)
    return Ending(name, reason, message or "", delay)


def _details(raw: bytes) -> tuple[str, float]:
    """ErrorInfo's reason and RetryInfo's delay."""
    reason, delay = "", 0.0
    try:
        for detail in details.Status.FromString(raw).details:
            kind = detail.type_url.rpartition("/")[2]
            if kind == "google.rpc.ErrorInfo":
                reason = details.ErrorInfo.FromString(detail.value).reason
            elif kind == "google.rpc.RetryInfo":
                said = details.RetryInfo.FromString(detail.value).retry_delay
                delay = min(max(said.seconds + said.nanos / 1e9, 0.0), _MAX_DELAY)
    except DecodeError:
        pass  # not the service's; the status alone counts
    return reason, delay
