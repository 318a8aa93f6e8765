"""The client for threads: its calls wait where they have to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, Unpack

from ._event import MISSING, Event, make
from ._sender import Left, Sender, Stats
from .errors import ClosedError, DestinationsError, TimeoutError, UnansweredError
from .options import Options, check_target, settings
from .receipt import Receipt, ReceiptFuture


class S3(Protocol):
    """Sends one event to Amazon S3."""

    def __call__(
        self, *, bucket: str, payload: object, prefix: str | None = None, id: str | None = None
    ) -> ReceiptFuture:
        """Puts the event into the buffer and returns; its receipt comes later.

        bucket, prefix: where it goes. payload: the line: a str (as UTF-8) or bytes as they
        are, anything else as JSON. id: the caller's own name of the event, for a step that
        runs again.

        Raises RejectedError, SerializationError or BufferFullError, of this event alone;
        ClosedError or ClientFailedError, of every call from now on.
        """


class Send:
    """`client.send`: may be taken out of its client, and kept."""

    def __init__(self, s3: S3) -> None:
        self.s3 = s3


class Client:
    """Sends events from any number of threads. Made by `connect`.

    After os.fork both processes may go on with it: in the child it is another sender, and
    what the parent has sent before remains the parent's.
    """

    def __init__(self, target: str, options: Options) -> None:
        self._settings = settings(target, options)
        self._sender = Sender(target, self._settings, self._failures, waits=False)
        self.send = Send(self._s3)
        self._retargeting = threading.Lock()

    def _s3(
        self,
        *,
        bucket: str = MISSING,
        payload: object = MISSING,
        prefix: str | None = None,
        id: str | None = None,
    ) -> ReceiptFuture:
        event = make(bucket, prefix, payload, id, self._settings.serializer)
        if not self._sender.offer(event):
            self._wait_for_room(event)
        return ReceiptFuture(event, self._sender)

    def _wait_for_room(self, event: Event) -> None:
        block = self._settings.when_full == "block"
        patience = self._settings.block_timeout if block else None
        error: DestinationsError | None = None
        try:
            in_time = self._wait(
                lambda: lambda: event.request is not None or event.error is not None, patience
            )
            error = event.error if in_time else self._sender.withdraw(event)
        except BaseException:  # the wait was interrupted
            self._sender.withdraw(event)
            raise
        if error is not None:
            raise error.with_traceback(None)

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything that was sent before is answered, for at most so many
        seconds. Rejections do not fail it: they are the receipts'.

        Raises TimeoutError, which loses nothing, ClientFailedError or ClosedError.
        """
        sender = self._sender
        with sender.lock:
            if sender.left is not None:
                raise ClosedError
            if sender.failure is not None:
                sender.check()
        in_time = self._wait(sender.flushed, timeout)
        if sender.failure is not None:
            raise sender.failure.with_traceback(None)
        if not in_time:
            raise TimeoutError("flush", f"{self.stats().buffered_events} events have no answer")

    def set_target(self, target: str, timeout: float | None = None) -> None:
        """Goes over to another service, when the present one has answered everything that
        it may have got; new events wait in the buffer meanwhile.

        Raises TimeoutError when that takes more than so many seconds: the present target
        stays. ClientFailedError, ClosedError, InvalidOptionError.
        """
        sender = self._sender
        with self._retargeting:
            check_target(target, self._settings)
            try:
                self._wait(sender.drain, timeout)
            finally:  # the wait may be interrupted
                with sender.lock:
                    old = sender.retarget(target)
                    if old is None:
                        sender.check()
        if old is None:
            raise TimeoutError("set_target", f"{self.stats().buffered_events} events have no answer")
        old.end_streams()

    def close(self, timeout: float | None = None) -> Left:
        """Takes no more events, waits for the answers for at most so many seconds
        (close_timeout if none is given), ends the streams, and says what is left. That
        fails as unanswered. A second close waits for the first.
        """
        return self._sender.close(self._settings.close_timeout if timeout is None else timeout)

    def stats(self) -> Stats:
        """How things stand."""
        return self._sender.stats()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes. Raises UnansweredError if something is left, or why the client has failed,
        unless there is another error already."""
        left = self.close()
        if kind is not None:
            return
        if self._sender.failure is not None:
            raise self._sender.failure.with_traceback(None)
        if left.events:
            raise UnansweredError(left.events, left.bytes)

    def _wait(self, begin: Callable[[], Callable[[], bool]], timeout: float | None) -> bool:
        return self._sender.wait(begin, timeout)

    def _failures(self, events: list[Event]) -> None:
        """Tells on_rejected what has failed after its call."""
        told = self._settings.on_rejected
        if told is None:
            return
        for event in events:
            error = event.failure()
            if error is not None:
                try:
                    told(error)
                except Exception:  # noqa: S110 - as documented
                    pass


def connect(target: str, **options: Unpack[Options]) -> Client:
    """Makes a client of the service at the target, as gRPC names it ("localhost:50051").
    It does not wait for a connection.

    Raises InvalidOptionError. See Options for the options.
    """
    return Client(target, options)


__all__ = ["S3", "Client", "Left", "Receipt", "Send", "Stats", "connect"]
