"""A request: events that are collected, cut, sent as often as need be, and answered once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import _wire
from ._event import Event
from .errors import DestinationsError, RejectedError

if TYPE_CHECKING:
    from ._deliveries import Deliveries

# Most bytes and events of an encoded request: what the service takes by default, less
# what the request says besides its events.
MAX_ENCODED = (4 << 20) - 4096
MAX_EVENTS = 100_000


class Request:
    """The events of one request, in the order of the calls.

    size: bytes that its events count. sequence: 0 until it is numbered; from then on it
    never changes. Whoever reads or writes one holds the lock of its sender.

    done: it is answered, or never will be. tokens: the receipts of its answer, by bucket
    and completed prefix. deliveries: whom to ask with them. rejections: by index of the
    event. error: why it has no answer.
    """

    __slots__ = (
        "_bucket",
        "_encoded",
        "_parts",
        "_prefix",
        "body",
        "count",
        "deadline",
        "deliveries",
        "done",
        "error",
        "events",
        "rejections",
        "sequence",
        "serial",
        "size",
        "tokens",
        "too_large",
    )

    def __init__(self, serial: int, deadline: float) -> None:
        self.serial = serial
        self.deadline = deadline  # on the monotonic clock
        self.sequence = 0
        self.size = 0
        self.count = 0
        self.body = b""
        self.events: list[Event] = []
        self.done = False
        self.tokens: Mapping[tuple[str, str], str] = {}
        self.rejections: dict[int, RejectedError] = {}
        self.error: DestinationsError | None = None
        self.deliveries: Deliveries | None = None
        self.too_large = False
        self._bucket = self._prefix = ""
        self._encoded = 0
        self._parts: list[bytes] = []

    def has_room(self, event: Event, batch_bytes: int) -> bool:
        """Whether the event may be added; one alone always may."""
        if self.count == 0:
            return True
        if self.size + event.size > batch_bytes or self.count >= MAX_EVENTS:
            return False
        more = len(event.payload) + len(event.fields) + 4 * len(event.prefix) + OVERHEAD_ENCODED
        return self._encoded + more <= MAX_ENCODED

    def add(self, event: Event) -> None:
        """Appends an event, and takes its payload over."""
        fields = event.fields
        if self.count == 0:
            self._bucket, self._prefix = event.bucket, event.prefix
        elif event.bucket != self._bucket or event.prefix != self._prefix:
            fields = _wire.place(event.bucket.encode(), event.prefix.encode()) + fields
        head = _wire.event_head(fields, len(event.payload))
        self._parts += (head, event.payload)
        self._encoded += len(head) + len(event.payload)
        self.events.append(event)
        self.size += event.size
        event.request, event.index = self, self.count
        event.payload = event.fields = b""
        self.count += 1

    def cut(self, sequence: int, deliveries: Deliveries) -> None:
        """Numbers it: from here on its events and its number stay as they are."""
        self.sequence = sequence
        self.deliveries = deliveries
        self._parts.append(_wire.place(self._bucket.encode(), self._prefix.encode()))
        self.body = b"".join(self._parts)
        self._parts = []

    def empty(self, error: RejectedError) -> None:
        """Takes the events out of a request that the service finds too large: it keeps its
        number, which has to be answered too."""
        self.body = b""
        self.too_large = True
        self.rejections = dict.fromkeys(range(self.count), error)

    def forget_answers(self) -> None:
        """Forgets what a stream has said of it that broke before it was answered."""
        if not self.too_large:
            self.rejections = {}

    def settle(self, tokens: Mapping[tuple[str, str], str]) -> None:
        """It is answered."""
        self.tokens = tokens
        self._end()

    def fail(self, error: DestinationsError) -> None:
        """It never will be answered."""
        self.error = error
        self._end()

    def _end(self) -> None:
        self.done = True
        self.body = b""
        self._parts = []

    def take_events(self) -> list[Event]:
        """Its events, once it is done; from then on only they know of it."""
        events, self.events = self.events, []
        return events

    def failure(self, index: int) -> DestinationsError | None:
        """What is wrong with one of its events, once it is done."""
        return self.error or self.rejections.get(index)


# Bytes of tags, lengths and the longest bucket, which an encoded event has at most
# besides its prefix, its other fields and its payload.
OVERHEAD_ENCODED = 96
