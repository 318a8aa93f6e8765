"""Waiting for a condition of a sender, with a thread or with an event loop."""

from __future__ import annotations

from collections.abc import Callable


class Watches:
    """Callbacks that are called once, when their conditions hold. Both are called with the
    sender's lock held: they must not wait, nor call the sender."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Callable[[], bool], Callable[[], None]]] = {}
        self._next = 0

    def add(self, holds: Callable[[], bool], then: Callable[[], None]) -> int:
        """Calls `then` now or as soon as it holds; gives a key for remove."""
        self._next += 1
        if holds():
            then()
        else:
            self._waiting[self._next] = (holds, then)
        return self._next

    def remove(self, key: int) -> None:
        """It is waited for no longer."""
        self._waiting.pop(key, None)

    def look(self) -> None:
        """Something has changed."""
        if not self._waiting:
            return
        for key, (holds, then) in list(self._waiting.items()):
            if holds():
                self._waiting.pop(key, None)
                then()
