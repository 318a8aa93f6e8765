"""A lane: one stream, opened again whenever it breaks, and what has no answer on it."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import grpc

from . import _wire
from ._ending import Ending, Verdict, ending_of
from ._proto import destinations_pb2 as api
from ._request import Request
from .errors import RejectedError

if TYPE_CHECKING:
    from ._session import Session

METHOD = "/destinations.v1.Destinations/StreamS3"
IDLE = 10.0  # s after which an additional lane with nothing to do ends


class Lane:
    """Sends the requests that it is given, in the order of their numbers, until each of them
    is answered. Every field belongs to the lock of its sender.

    A lane has one thread of its own, which opens streams and reads answers, and one that gRPC
    has for each stream, which takes requests from `Outgoing`.
    """

    def __init__(self, session: Session, stays: bool) -> None:
        self.session = session
        self.stays = stays
        self.work = threading.Condition(session.sender.lock)
        self.unanswered: dict[int, Request] = {}
        self.unsent: deque[Request] = deque()
        self.bytes = 0  # of what is unanswered
        self.idle_since = time.monotonic()
        self.finishing = False  # nothing more is sent; it ends when all is answered
        self.stopped = False  # it ends now
        self.open = False
        self.thread: threading.Thread | None = None
        self._call: grpc.Call | None = None
        self._outgoing: Outgoing | None = None
        self._backoff = session.sender.settings.reconnect_initial

    def start(self) -> None:
        """Starts its thread; the lock is held."""
        self.stopped = False
        self.thread = threading.Thread(target=self._run, name="destinations-stream", daemon=True)
        self.thread.start()

    def add(self, request: Request) -> None:
        """Takes a request over; the lock is held."""
        self.unanswered[request.sequence] = request
        self.unsent.append(request)
        self.bytes += request.size
        self.work.notify_all()

    def stop(self) -> None:
        """Has it end now; the lock is held. Its thread has to be joined without it."""
        self.stopped = True
        if self._call is not None:
            self._call.cancel()
        self.work.notify_all()

    def finish(self) -> None:
        """Has it end when everything is answered; the lock is held."""
        self.finishing = True
        self.work.notify_all()

    def rest(self) -> None:
        """Everything is answered; the lock is held."""
        self.idle_since = time.monotonic()
        self.work.notify_all()

    def _run(self) -> None:
        try:
            while self._go_on(self._stream()):
                pass
        except BaseException as error:  # what is sent would wait for this thread for ever
            self.session.sender.refused(
                Ending("INTERNAL", "", f"the client is broken: {type(error).__name__}")
            )
            raise

    def _stream(self) -> Ending:
        """Opens a stream, and reads it until it ends."""
        lock = self.session.sender.lock
        metadata = self.session.metadata()
        if isinstance(metadata, Ending):
            return metadata
        with lock:
            if self.stopped:
                return Ending("CANCELLED")
            outgoing = self._outgoing = Outgoing(self)
            channel = self.session.channel()
        stream = channel.stream_stream(METHOD, None, api.StreamS3Response.FromString)
        call = stream(outgoing, metadata=metadata)
        with lock:
            self._call = call
            if self.stopped:
                call.cancel()
        try:
            for answer in call:
                self.session.sender.answered(self, outgoing, answer)
            return Ending("OK")
        except grpc.RpcError as error:
            return ending_of(error)
        finally:
            with lock:
                self._call, self.open, outgoing.live = None, False, False
                self.work.notify_all()

    def answered(self) -> None:
        """The stream works; the lock is held."""
        self.open = True
        self._backoff = self.session.sender.settings.reconnect_initial

    def _go_on(self, ending: Ending) -> bool:
        """Whether another stream is to be opened; returns when it is time to."""
        sender = self.session.sender
        with sender.lock:
            done = self.finishing or not self.stays
            if self.stopped or (done and not self.unanswered):
                self.session.gone(self)
                return False
            verdict = ending.verdict(callable(sender.settings.token))
            if verdict is Verdict.TOO_LARGE:
                self._give_up_largest(ending)
            failed = verdict is Verdict.FAILED
            if not failed:
                sender.broken(str(ending))
                self._wait(ending.delay + self._pause())
                return not self.stopped
        sender.refused(ending)
        return False

    def _give_up_largest(self, ending: Ending) -> None:
        left = [r for r in self.unanswered.values() if not r.too_large]
        if left:
            largest = max(left, key=lambda r: len(r.body))
            reason = ending.message or "the request is larger than the service takes"
            largest.empty(RejectedError("REQUEST_TOO_LARGE", "payload", reason))

    def _pause(self) -> float:
        """The next pause, at random, and twice of it for the one after."""
        backoff = self._backoff
        self._backoff = min(2 * backoff, self.session.sender.settings.reconnect_max)
        return backoff * random.uniform(0.5, 1.0)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopped and (left := until - time.monotonic()) > 0:
            self.work.wait(left)


class Outgoing:
    """The requests of one stream, as gRPC takes them: everything that has no answer, in the
    order of the numbers, and then what is new.

    live: whether its stream has not ended. sent: the last number that was taken from it.
    """

    def __init__(self, lane: Lane) -> None:
        self.live = True
        self.sent = 0
        self.tokens: dict[tuple[str, str], str] = {}  # of answers that have settled nothing yet
        self.tokens_before: dict[tuple[str, str], str] = {}  # of those up to the last that has
        self.answered = 0
        self._lane = lane
        lane.unsent = deque(lane.unanswered.values())
        for request in lane.unsent:
            request.forget_answers()

    def __iter__(self) -> Outgoing:
        return self

    def __next__(self) -> bytes:
        lane = self._lane
        sender = lane.session.sender
        with sender.lock:
            while self.live and not lane.stopped:
                sender.cut_when_due()
                if lane.unsent:
                    return self._encode(lane.unsent.popleft())
                if lane.finishing or self._idle():
                    break
                lane.work.wait(self._patience())
        raise StopIteration

    def _encode(self, request: Request) -> bytes:
        """The request as it goes out: what is settled is said anew each time."""
        session = self._lane.session
        head = b""
        if self.sent == 0:
            head = _wire.first(session.sender_id, session.sender.settings.receipts)
        self.sent = request.sequence
        return b"".join((request.body, _wire.numbers(request.sequence, session.settled()), head))

    def _idle(self) -> bool:
        """Ends an additional lane that has had nothing to do."""
        lane = self._lane
        if lane.stays or lane.unanswered or time.monotonic() < lane.idle_since + IDLE:
            return False
        lane.finishing = True
        lane.session.retire(lane)
        return True

    def _patience(self) -> float | None:
        """How long there is nothing to do; None: until there is."""
        until = self._lane.session.sender.due()
        if not self._lane.stays and not self._lane.unanswered:
            idle = self._lane.idle_since + IDLE
            until = idle if until is None else min(until, idle)
        return None if until is None else max(0.0, until - time.monotonic())
