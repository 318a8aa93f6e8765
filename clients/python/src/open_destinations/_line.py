"""The line of events that wait for room in the buffer."""

from __future__ import annotations

from collections import deque

from ._event import Event


class Line:
    """First come, first served. It belongs to the lock of its sender."""

    def __init__(self) -> None:
        self.bytes = 0
        self._events: deque[Event] = deque()

    def __len__(self) -> int:
        return len(self._events)

    def join(self, event: Event) -> None:
        """The event waits, behind all others."""
        self._events.append(event)
        self.bytes += event.size

    def head(self) -> Event | None:
        """Whose turn it is."""
        return self._events[0] if self._events else None

    def tail(self) -> Event | None:
        """Who came last."""
        return self._events[-1] if self._events else None

    def leave(self, event: Event) -> bool:
        """The event waits no longer; False if it did not."""
        if event is self.head():
            self._events.popleft()
        elif event in self._events:
            self._events.remove(event)
        else:
            return False
        self.bytes -= event.size
        return True

    def clear(self) -> list[Event]:
        """Nobody waits any longer; gives back who did."""
        events = list(self._events)
        self._events.clear()
        self.bytes = 0
        return events
