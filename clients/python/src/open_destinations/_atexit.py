"""Clients that nobody has closed are closed at the end of the process, so that what was
sent is not lost in silence."""

from __future__ import annotations

import atexit
import logging
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._sender import Sender

_log = logging.getLogger("open_destinations")
_senders: weakref.WeakSet[Sender] = weakref.WeakSet()  # its threads keep one that has sent something


def register(sender: Sender) -> None:
    """The sender is closed at the end, unless that is done before."""
    _senders.add(sender)


@atexit.register
def _close_all() -> None:
    for sender in list(_senders):
        if sender.left is not None:
            continue
        left = sender.close(sender.settings.close_timeout)
        if left.events:
            _log.warning("%d events of %d bytes were left without an answer", left.events, left.bytes)
