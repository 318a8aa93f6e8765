"""The sender: the buffer, the requests that are cut from it, and their answers.

Both clients are faces of it. It has one lock; everything here and in the sessions and
lanes below belongs to it, unless it says otherwise. Nothing of the caller's is called
with the lock held.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _atexit, _fork
from ._answer import BrokenAnswer, read_answer
from ._ending import Ending
from ._event import Event
from ._line import Line
from ._proto import destinations_pb2 as api
from ._request import Request
from ._session import Session
from ._watch import Watches
from .errors import (
    BufferFullError,
    ClientFailedError,
    ClosedError,
    DestinationsError,
    UnansweredError,
)
from .options import Settings

if TYPE_CHECKING:
    from ._lane import Lane, Outgoing


@dataclass(frozen=True, slots=True)
class Left:
    """What had no answer when a client was closed; 0 and 0 when all was answered."""

    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How things stand.

    buffered_events, buffered_bytes: what has no answer yet. accepted, rejected: events,
    since the beginning. streams: open now. reconnects: streams that were opened again.
    last_error: why the last stream ended; "" when an answer has come since.
    """

    buffered_events: int
    buffered_bytes: int
    accepted: int
    rejected: int
    streams: int
    reconnects: int
    last_error: str


class Sender:
    """What one client object sends.

    settle: called with the events of requests that are done, and those that got into none,
    in any thread and without the lock.
    waits: whether an event may wait in the line after its call, as the asyncio client's do.
    """

    def __init__(
        self, target: str, settings: Settings, settle: Callable[[list[Event]], None], waits: bool
    ) -> None:
        self.settings = settings
        self.lock = threading.Lock()
        self.watches = Watches()
        self.failure: DestinationsError | None = None
        self.closing = False
        self.left: Left | None = None  # set when it is closed
        self.session = Session(self, target)
        self._earlier: list[Session] = []  # of other targets: receipts ask them
        self._settle = settle
        self._waits = waits
        self._serial = 0
        self._begin_empty()
        self._accepted = self._rejected = self._reconnects = 0
        self._last_error = ""
        _fork.register(self)
        _atexit.register(self)

    def _begin_empty(self) -> None:
        self.line = Line()
        self._events = self._bytes = 0
        self._batch: Request | None = None  # the one that is being collected
        self._full: deque[Request] = deque()  # collected, and without a number yet
        self._pending: dict[int, Request] = {}  # whatever is not done, by serial

    # What callers do.

    def offer(self, event: Event) -> bool:
        """Takes the event, or puts it into the line: False. Raises what refuses it."""
        with self.lock:
            self.check()
            if self.line.head() is None and self._fits(event):
                self._take(event)
                return True
            limit = self.settings.max_buffered_bytes
            if self.settings.when_full == "error":
                raise BufferFullError(limit, self._bytes)
            if self._waits and self.line.bytes and self.line.bytes + event.size > limit:
                raise BufferFullError(limit, self.line.bytes, "the line for max_buffered_bytes")
            self.line.join(event)
            return False

    def withdraw(self, event: Event) -> BufferFullError | None:
        """Takes the event out of the line; None if it is not there any more."""
        with self.lock:
            if not self.line.leave(event):
                return None
            error = event.error = BufferFullError(self.settings.max_buffered_bytes, self._bytes)
            self._admit()
            self.watches.look()
            return error

    def check(self) -> None:
        """Raises why nothing is taken any more, if so; the lock is held."""
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.closing:
            raise ClosedError

    def has_room(self) -> bool:
        """Whether an event need not wait; the lock is held."""
        return not self.line and self._bytes < self.settings.max_buffered_bytes

    def wait(self, begin: Callable[[], Callable[[], bool]], timeout: float | None) -> bool:
        """Waits until the condition holds that `begin` gives, for at most so many seconds;
        says whether it does. Without the lock."""
        held = threading.Event()
        with self.lock:
            key = self.watches.add(begin(), held.set)
        try:
            return held.wait(timeout)
        finally:
            with self.lock:
                self.watches.remove(key)

    def flushed(self) -> Callable[[], bool]:
        """A condition: everything that was sent until now is answered; the lock is held."""
        last = self.line.tail()
        mark: int | None = None

        def holds() -> bool:
            nonlocal mark
            if last is not None and last.request is None and last.error is None:
                return False
            if mark is None:
                mark = self._serial
                self._cut()
            return next(iter(self._pending), mark + 1) > mark

        return holds

    def stats(self) -> Stats:
        """How things stand."""
        with self.lock:
            return Stats(
                buffered_events=self._events,
                buffered_bytes=self._bytes,
                accepted=self._accepted,
                rejected=self._rejected,
                streams=self.session.streams(),
                reconnects=self._reconnects,
                last_error=self._last_error,
            )

    # The way of an event.

    def _fits(self, event: Event) -> bool:
        return not self._bytes or self._bytes + event.size <= self.settings.max_buffered_bytes

    def _take(self, event: Event) -> None:
        self._events += 1
        self._bytes += event.size
        batch = self._batch
        if batch is None or not batch.has_room(event, self.settings.batch_bytes):
            self._collected()
            batch = self._begin()
        batch.add(event)
        if batch.size >= self.settings.batch_bytes:
            self._collected()

    def _begin(self) -> Request:
        self._serial += 1
        batch = self._batch = Request(self._serial, time.monotonic() + self.settings.batch_delay)
        self._pending[self._serial] = batch
        self.session.wake()
        return batch

    def _collected(self) -> None:
        """No event comes to the present request any more."""
        if self._batch is not None:
            self._full.append(self._batch)
            self._batch = None
            self._number()

    def _number(self) -> None:
        while self._full and self.session.has_room():
            self.session.number(self._full.popleft())

    def _cut(self) -> None:
        """Cuts the present request, unless it would only wait: then it may still grow."""
        if not self._full and self.session.has_room():
            self._collected()

    def cut_when_due(self) -> None:
        """Cuts the present request if it has been collected for long enough."""
        if self._batch is not None and (self.closing or time.monotonic() >= self._batch.deadline):
            self._cut()

    def due(self) -> float | None:
        """When there will be something to cut; None: not before anything changes."""
        if self._batch is None or self._full or not self.session.has_room():
            return None
        return self._batch.deadline

    def _admit(self) -> None:
        """Those at the head of the line for whom there is room."""
        while (head := self.line.head()) is not None and self._fits(head):
            self.line.leave(head)
            self._take(head)

    # What the streams tell.

    def answered(self, lane: Lane, outgoing: Outgoing, answer: api.StreamS3Response) -> None:
        """An answer has come; without the lock."""
        with self.lock:
            if not outgoing.live or lane.stopped:
                return
            try:
                done = read_answer(lane, outgoing, answer)
            except BrokenAnswer as error:
                broken: BrokenAnswer | None = error
            else:
                broken = None
                lane.answered()
                self._last_error = ""
                self._done(done)
        if broken is not None:
            self.refused(Ending("INTERNAL", "", str(broken)))
        elif done:
            self._settle([event for request in done for event in request.take_events()])

    def _done(self, requests: Iterable[Request]) -> None:
        for request in requests:
            del self.session.unanswered[request.sequence]
            self._pending.pop(request.serial)
            self._events -= request.count
            self._bytes -= request.size
            self._rejected += len(request.rejections)
            self._accepted += request.count - len(request.rejections)
        self._progress()

    def _progress(self) -> None:
        """There is room, for numbers or for events."""
        self._number()
        self._admit()
        if self._batch is not None:
            self.session.wake()
        self.watches.look()

    def broken(self, why: str) -> None:
        """A stream has ended, and is opened again; the lock is held."""
        self._reconnects += 1
        self._last_error = why

    def refused(self, ending: Ending) -> None:
        """Trying again would not help: ends the client. Without the lock."""
        with self.lock:
            self._last_error = str(ending)
            if self.failure is None:
                self.failure = ClientFailedError(ending.code, ending.reason, ending.message)
            events = self._abandon(self.failure)
            for lane in self.session.lanes():
                lane.stop()
        self._settle(events)

    def _abandon(self, error: DestinationsError) -> list[Event]:
        """Nothing more is answered; gives back the events that it concerns."""
        for request in self._pending.values():
            request.fail(error)
        events = [e for request in self._pending.values() for e in request.take_events()]
        waiting = self.line.clear()
        for event in waiting:
            event.error = error
        self.session.unanswered.clear()
        self._begin_empty()
        self.watches.look()
        return events + waiting

    # Another target, the end, and forks.

    def drain(self) -> Callable[[], bool]:
        """Begins to leave the target; gives a condition: it has answered everything. The
        lock is held. One caller at a time."""
        self.check()
        self.session.draining = True
        return lambda: not self.session.unanswered or self.failure is not None or self.closing

    def retarget(self, target: str) -> Session | None:
        """After drain: goes over to the target; None if the present one stays. The lock is
        held; the session that is given back has to be ended without it."""
        old = self.session
        if old.unanswered or self.failure is not None or self.closing:
            old.draining = False
            self._progress()
            return None
        self.session = Session(self, target)
        self._earlier.append(old)
        self._progress()
        return old

    def close(self, timeout: float) -> Left:
        """Ends, within about so many seconds, and says what is left. A second one waits for
        the first. Without the lock."""
        with self.lock:
            first = not self.closing
            self.closing = True
        if not first:
            self.wait(lambda: lambda: self.left is not None, None)
        else:
            try:
                self.wait(self.begin_close, timeout)
            finally:  # also when the wait is interrupted: others wait for this close
                self.end_close()
        assert self.left is not None
        return self.left

    def begin_close(self) -> Callable[[], bool]:
        """Takes nothing more; gives a condition: all is answered. The lock is held."""
        self.closing = True
        if not self._waits:
            for event in self.line.clear():
                event.error = ClosedError()
        self._cut()
        self.session.wake_all()
        self.watches.look()
        return lambda: not self._pending and not self.line

    def end_close(self) -> Left:
        """Ends everything; without the lock, and it takes a moment."""
        with self.lock:
            left = Left(self._events + len(self.line), self._bytes + self.line.bytes)
        if not left.events:
            self.session.end_streams()
        events: list[Event] = []
        with self.lock:
            if left.events:
                events = self._abandon(UnansweredError(left.events, left.bytes))
        for session in [*self._earlier, self.session]:
            session.end()
        self._settle(events)
        with self.lock:
            self.left = left
            self.watches.look()
        return left

    def before_fork(self) -> None:
        """Ends threads and connections, so that there is nothing that a fork would tear."""
        for session in [*self._earlier, self.session]:
            session.suspend()

    def after_fork_in_parent(self) -> None:
        """Goes on where it was."""
        if self.left is None:
            for session in [*self._earlier, self.session]:
                session.resume()

    def after_fork_in_child(self) -> None:
        """Begins anew as another sender: what the parent has not sent is the parent's."""
        self.lock = threading.Lock()
        self.watches = Watches()
        left = UnansweredError(self._events, self._bytes, "here, as it goes to the process that forked")
        self._abandon(left)
        for session in [*self._earlier, self.session]:
            session.orphan()
        self._earlier.append(self.session)
        self.session = Session(self, self.session.target)
        self._reconnects = 0
        self._last_error = ""
        if self.closing and self.left is None:
            self.left = Left(0, 0)
