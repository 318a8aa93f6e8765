"""Receipts, and the promise of one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ._event import Event
from .errors import DestinationsError, RejectedError, TimeoutError
from .status import Status

if TYPE_CHECKING:
    from ._deliveries import Deliveries
    from ._sender import Sender


class ReceiptBase:
    """Stands for the events of one request that one destination accepted.

    bucket: the destination's. prefix: as it is used: empty, or ending with "/".
    token: identifies them to the service; "" without the option `receipts`.
    """

    __slots__ = ("_deliveries", "bucket", "prefix", "token")

    def __init__(self, bucket: str, prefix: str, token: str, deliveries: Deliveries) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.token = token
        self._deliveries = deliveries

    def __repr__(self) -> str:
        return f"{type(self).__name__}(bucket={self.bucket!r}, prefix={self.prefix!r})"

    def _check(self) -> None:
        if not self.token:
            raise RejectedError("TOKENS_INVALID", "token", "the client was made without receipts")


class Receipt(ReceiptBase):
    """Stands for an accepted event: it is durable, and will be delivered. Can be asked for
    as long as its client is open."""

    __slots__ = ()

    def status(self, timeout: float | None = 30.0) -> Status:
        """Asks once what became of the event, and again only while the service is away.

        Raises ClientFailedError if the service refuses to say, TimeoutError, ClosedError.
        """
        return self._ask("status", True, timeout)

    def delivered(self, timeout: float | None = None) -> Status:
        """Waits, for at most so many seconds, until the event is in its bucket.

        Raises DeadError if it will not get there by itself; TimeoutError; ClientFailedError
        if the service refuses to say; ClosedError.
        """
        return self._ask("delivered", False, timeout)

    def _ask(self, what: str, once: bool, timeout: float | None) -> Status:
        self._check()
        answers: list[Status | DestinationsError] = []
        there = threading.Event()

        def then(answer: Status | DestinationsError) -> None:
            answers.append(answer)
            there.set()

        question = self._deliveries.ask(self.token, once, then)
        try:
            there.wait(timeout)
        finally:
            self._deliveries.drop(question)
        if not answers:
            raise TimeoutError(what, "the event is not known to be delivered")
        if isinstance(answers[0], DestinationsError):
            raise answers[0]
        return answers[0]


class ReceiptFuture:
    """The promise of an event's receipt. Nobody need look at it."""

    __slots__ = ("_event", "_sender")

    def __init__(self, event: Event, sender: Sender) -> None:
        self._event = event
        self._sender = sender

    def done(self) -> bool:
        """Whether it is known what became of the event."""
        return self._event.done()

    def result(self, timeout: float | None = None) -> Receipt:
        """Waits, for at most so many seconds, until the event is accepted.

        Raises RejectedError if it is not; UnansweredError, ClientFailedError, TimeoutError.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error.with_traceback(None)
        return Receipt(*self._event.receipt())

    def exception(self, timeout: float | None = None) -> DestinationsError | None:
        """Waits like result, and gives back what it would raise, but TimeoutError."""
        event = self._event
        if not event.done() and not self._sender.wait(lambda: event.done, timeout):
            raise TimeoutError("result", "the event has no answer")
        return event.failure()
