"""The client for asyncio: no call ever holds the event loop.

from open_destinations import aio

async with aio.connect("localhost:50051") as client:
    client.send.s3(bucket="my-bucket", prefix="test", payload={"hello": "world"})
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, Unpack

from ._event import MISSING, Event, make
from ._sender import Left, Sender, Stats
from .errors import ClosedError, DestinationsError, TimeoutError, UnansweredError
from .options import Options, check_target, settings
from .receipt import ReceiptBase
from .status import Status


class Receipt(ReceiptBase):
    """Stands for an accepted event: it is durable, and will be delivered. Can be asked for
    as long as its client is open."""

    __slots__ = ()

    async def status(self, timeout: float | None = 30.0) -> Status:
        """Asks once what became of the event, and again only while the service is away.

        Raises ClientFailedError if the service refuses to say, TimeoutError, ClosedError.
        """
        return await self._ask("status", True, timeout)

    async def delivered(self, timeout: float | None = None) -> Status:
        """Waits, for at most so many seconds, until the event is in its bucket.

        Raises DeadError if it will not get there by itself; TimeoutError; ClientFailedError
        if the service refuses to say; ClosedError.
        """
        return await self._ask("delivered", False, timeout)

    async def _ask(self, what: str, once: bool, timeout: float | None) -> Status:
        self._check()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Status | DestinationsError] = loop.create_future()
        question = self._deliveries.ask(
            self.token, once, lambda got: _call_soon(loop, lambda: _set(answer, got))
        )
        try:
            got = await asyncio.wait_for(answer, timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(what, "the event is not known to be delivered") from None
        finally:
            self._deliveries.drop(question)
        if isinstance(got, DestinationsError):
            raise got
        return got


class S3(Protocol):
    """Sends one event to Amazon S3."""

    def __call__(
        self, *, bucket: str, payload: object, prefix: str | None = None, id: str | None = None
    ) -> asyncio.Future[Receipt]:
        """Puts the event into the buffer, or into the line before it, and returns a promise
        of its receipt. Nobody need await it: what goes wrong with an event is told by its
        promise alone, and by on_rejected.

        bucket, prefix: where it goes. payload: the line: a str (as UTF-8) or bytes as they
        are, anything else as JSON. id: the caller's own name of the event, for a step that
        runs again.

        The promise fails with RejectedError, SerializationError, BufferFullError,
        ClosedError, UnansweredError or ClientFailedError.
        """


class Send:
    """`client.send`: may be taken out of its client, and kept."""

    def __init__(self, s3: S3) -> None:
        self.s3 = s3


class Client:
    """Sends events from the tasks of one event loop. Made by `connect`."""

    def __init__(self, target: str, options: Options) -> None:
        self._settings = settings(target, options)
        self._sender = Sender(target, self._settings, self._settle, waits=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.send = Send(self._s3)
        self._retargeting = asyncio.Lock()

    def _s3(
        self,
        *,
        bucket: str = MISSING,
        payload: object = MISSING,
        prefix: str | None = None,
        id: str | None = None,
    ) -> asyncio.Future[Receipt]:
        future: asyncio.Future[Receipt] = self._running().create_future()
        try:
            event = make(bucket, prefix, payload, id, self._settings.serializer)
            event.future = future
            if not self._sender.offer(event) and self._settings.when_full == "block":
                self._limit_wait(event, future)
        except DestinationsError as error:
            _fail(future, error)
        return future

    def _limit_wait(self, event: Event, future: asyncio.Future[Receipt]) -> None:
        """Gives up waiting for room after block_timeout."""

        def over() -> None:
            if self._sender.withdraw(event) is not None:
                self._resolve([event])

        self._running().call_later(self._settings.block_timeout, over)

    async def ready(self) -> None:
        """Waits until an event need not wait in the line for room: before each call of a
        loop that would send more than the buffer takes.

        Raises ClosedError or ClientFailedError.
        """
        sender = self._sender
        with sender.lock:
            sender.check()
            if sender.has_room():
                return
        await self._wait(lambda: lambda: sender.has_room() or sender.closing, None)
        with sender.lock:
            sender.check()

    async def flush(self, timeout: float | None = None) -> None:
        """Waits until everything that was sent before is answered, for at most so many
        seconds. Rejections do not fail it: they are the promises'.

        Raises TimeoutError, which loses nothing, ClientFailedError or ClosedError.
        """
        sender = self._sender
        with sender.lock:
            if sender.left is not None:
                raise ClosedError
            if sender.failure is not None:
                sender.check()
        in_time = await self._wait(sender.flushed, timeout)
        if sender.failure is not None:
            raise sender.failure.with_traceback(None)
        if not in_time:
            raise TimeoutError("flush", f"{self.stats().buffered_events} events have no answer")

    async def set_target(self, target: str, timeout: float | None = None) -> None:
        """Goes over to another service, when the present one has answered everything that
        it may have got; new events wait in the buffer meanwhile.

        Raises TimeoutError when that takes more than so many seconds: the present target
        stays. ClientFailedError, ClosedError, InvalidOptionError.
        """
        sender = self._sender
        async with self._retargeting:
            check_target(target, self._settings)
            try:
                await self._wait(sender.drain, timeout)
            finally:
                with sender.lock:
                    old = sender.retarget(target)
                    if old is None:
                        sender.check()
        if old is None:
            raise TimeoutError("set_target", f"{self.stats().buffered_events} events have no answer")
        await self._in_thread(old.end_streams)

    async def close(self, timeout: float | None = None) -> Left:
        """Takes no more events, waits for the answers for at most so many seconds
        (close_timeout if none is given), ends the streams, and says what is left. That
        fails as unanswered. A second close waits for the first.
        """
        sender = self._sender
        with sender.lock:
            first = not sender.closing
            sender.closing = True
        if first:
            try:
                patience = self._settings.close_timeout if timeout is None else timeout
                await self._wait(sender.begin_close, patience)
            finally:
                await self._in_thread(sender.end_close)
        else:
            await self._wait(lambda: lambda: sender.left is not None, None)
        await asyncio.sleep(0)  # promises are settled by callbacks of the loop
        assert sender.left is not None
        return sender.left

    def stats(self) -> Stats:
        """How things stand."""
        return self._sender.stats()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes. Raises UnansweredError if something is left, or why the client has failed,
        unless there is another error already."""
        left = await self.close()
        if kind is not None:
            return
        if self._sender.failure is not None:
            raise self._sender.failure.with_traceback(None)
        if left.events:
            raise UnansweredError(left.events, left.bytes)

    def _running(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("the client belongs to another event loop")
        return loop

    async def _wait(self, begin: Callable[[], Callable[[], bool]], timeout: float | None) -> bool:
        """As Sender.wait does, without holding the loop."""
        sender, loop = self._sender, self._running()
        held: asyncio.Future[bool] = loop.create_future()
        with sender.lock:
            key = sender.watches.add(begin(), lambda: _call_soon(loop, lambda: _set(held, True)))
        try:
            return await asyncio.wait_for(held, timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            with sender.lock:
                sender.watches.remove(key)

    async def _in_thread(self, what: Callable[[], object]) -> None:
        """Runs what waits for threads in one of its own: an executor would keep it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def run() -> None:
            try:
                what()
            finally:
                _call_soon(loop, lambda: _set(done, True))

        thread = threading.Thread(target=run, name="destinations-close", daemon=True)
        thread.start()
        await asyncio.shield(done)
        thread.join()

    def _settle(self, events: list[Event]) -> None:
        """In any thread: has the loop settle the promises."""
        if self._loop is not None and events:
            _call_soon(self._loop, lambda: self._resolve(events))

    def _resolve(self, events: list[Event]) -> None:
        told = self._settings.on_rejected
        for event in events:
            error = event.failure()
            future = event.future
            if error is None:
                if future is not None and not future.done():
                    future.set_result(Receipt(*event.receipt()))
                continue
            if future is not None:
                _fail(future, error)
            if told is not None:
                try:
                    told(error)
                except Exception:  # noqa: S110 - as documented
                    pass


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:  # the loop is closed: nobody waits
        pass


def _set(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: DestinationsError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody need look at it: asyncio is not to warn


def connect(target: str, **options: Unpack[Options]) -> Client:
    """Makes a client of the service at the target, as gRPC names it ("localhost:50051").
    It does not wait for a connection.

    Raises InvalidOptionError. See Options for the options; on_rejected is called in the
    event loop, a token's function in a thread.
    """
    return Client(target, options)


__all__ = ["S3", "Client", "Receipt", "Send", "connect"]
