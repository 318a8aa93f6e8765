"""A session: one sender_id, its numbers, and its streams to one target."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING

import grpc

from . import _channel
from ._deliveries import Deliveries
from ._ending import Ending
from ._lane import Lane
from ._request import Request

if TYPE_CHECKING:
    from ._sender import Sender

MAX_UNANSWERED = 1000  # requests
MAX_AHEAD = 65_536  # how far `sequence` may be above `settled`
BUSY = 1 << 20  # bytes without an answer from which on a lane wants another one beside it
GRACE = 2.0  # s that streams with nothing unanswered have to end by themselves, and threads


class Session:
    """Begins with connect, and anew with another target and after a fork, so that numbers
    are never shared. Its fields belong to the lock of its sender.

    draining: nothing more gets a number.
    """

    def __init__(self, sender: Sender, target: str) -> None:
        self.sender = sender
        self.target = target
        self.sender_id = secrets.token_bytes(16)
        self.draining = False
        self.unanswered: dict[int, Request] = {}
        self.deliveries = Deliveries(self)
        self._lanes: list[Lane] = []
        self._retired: list[Lane] = []
        self._sequence = 0  # the last number that was given
        self._suspended = self._ended = False
        self._channel: grpc.Channel | None = None

    def channel(self) -> grpc.Channel:
        """Its one connection; the lock is held."""
        if self._channel is None:
            self._channel = _channel.open_channel(self.target, self.sender.settings)
        return self._channel

    def metadata(self) -> list[tuple[str, str]] | Ending:
        """What goes with each call, or why it can't be had. Without the lock."""
        return _channel.metadata(self.sender.settings)

    def settled(self) -> int:
        """Up to which number everything is answered."""
        return next(iter(self.unanswered), self._sequence + 1) - 1

    def has_room(self) -> bool:
        """Whether another request may get a number."""
        if self.draining or len(self.unanswered) >= MAX_UNANSWERED:
            return False
        return self._sequence < self.settled() + MAX_AHEAD

    def number(self, request: Request) -> None:
        """Gives the request its number and its lane; from now on it is sent as it is cut."""
        self._sequence += 1
        request.cut(self._sequence, self.deliveries)
        self.unanswered[self._sequence] = request
        self._least_busy().add(request)

    def wake(self) -> None:
        """A request has begun: whoever has time is to cut it when it is due."""
        if not self._lanes:
            self._open(stays=True)
        self.wake_all()

    def wake_all(self) -> None:
        """Something has changed that the lanes wait for."""
        for lane in self._lanes:
            lane.work.notify_all()

    def lanes(self) -> list[Lane]:
        """Those that have not ended."""
        return self._lanes + self._retired

    def _least_busy(self) -> Lane:
        if not self._lanes:
            return self._open(stays=True)
        lane = min(self._lanes, key=lambda lane: lane.bytes)
        if lane.bytes >= BUSY and len(self._lanes) < self.sender.settings.max_streams:
            return self._open(stays=False)
        return lane

    def _open(self, stays: bool) -> Lane:
        lane = Lane(self, stays)
        self._lanes.append(lane)
        if not self._suspended:
            lane.start()
        return lane

    def retire(self, lane: Lane) -> None:
        """The lane takes nothing more, and ends by itself."""
        self._lanes.remove(lane)
        self._retired.append(lane)

    def gone(self, lane: Lane) -> None:
        """The lane's thread ends."""
        if lane in self._retired:
            self._retired.remove(lane)
        elif lane in self._lanes and not lane.stopped:
            self._lanes.remove(lane)

    def streams(self) -> int:
        """How many have answered and are open."""
        return sum(lane.open for lane in self._lanes)

    def suspend(self) -> None:
        """Ends its threads and its connection, and keeps everything else."""
        with self.sender.lock:
            self._suspended = True
        self._end_threads(None)

    def resume(self) -> None:
        """Goes on after suspend: what has no answer is sent again."""
        with self.sender.lock:
            if self._ended:
                return
            self._suspended = False
            for lane in self._lanes:
                lane.start()
        self.deliveries.resume()

    def orphan(self) -> None:
        """In a child process: its threads and streams are the parent's; receipts may still
        ask it."""
        self._lanes, self._retired = [], []
        self.deliveries.renew()

    def end_streams(self) -> None:
        """Ends the streams as it should be, when everything is answered."""
        with self.sender.lock:
            lanes = self.lanes()
            for lane in lanes:
                lane.finish()
        _join(lanes, GRACE)

    def end(self) -> None:
        """Ends everything now. A thread that is held up in a function of the caller's ends
        when that returns."""
        with self.sender.lock:
            self._suspended = self._ended = True
        self._end_threads(GRACE)
        self.deliveries.end()

    def _end_threads(self, patience: float | None) -> None:
        with self.sender.lock:
            lanes = self.lanes()
            for lane in lanes:
                lane.stop()
        self.deliveries.suspend(patience)
        _join(lanes, patience)
        with self.sender.lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _join(lanes: list[Lane], patience: float | None) -> None:
    until = None if patience is None else time.monotonic() + patience
    for lane in lanes:
        if lane.thread is not None and lane.thread is not threading.current_thread():
            lane.thread.join(None if until is None else max(0.0, until - time.monotonic()))
