"""What a client goes through when its process forks.

gRPC's own handlers do not suffice: with a stream at work they give up, or one fork in
some hundreds hangs, in the parent or in the child (all of it was seen). But when its last
channel is closed, gRPC ends its threads within milliseconds, and begins anew with the
next one. So every client ends its threads and its connection before the fork, and the
fork waits for gRPC's threads. The parent connects again and sends again what has no
answer, which is safe; the child begins as another sender.
"""

from __future__ import annotations

import functools
import os
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from ._sender import Sender

_senders: weakref.WeakSet[Sender] = weakref.WeakSet()
_suspended: list[Sender] = []

PATIENCE = 0.5  # s; another user of gRPC in this process keeps its threads
_TASKS = Path("/proc/self/task")  # only Linux has it, where os.fork is at home
_NAMES = (
    "grpc",
    "event_engine",
    "lifeguard",
    "timer_manager",
    "posix_event",
    "default-exec",
    "resolver-exec",
)


def register(sender: Sender) -> None:
    """From now on forks are told to the sender, as long as it is there."""
    _register_once()
    _senders.add(sender)


@functools.cache
def _register_once() -> None:
    """gRPC registers its handlers with its first channel. The one before a fork that is
    registered last runs first: ours has to, as gRPC's stops the threads that we end."""
    if hasattr(os, "register_at_fork"):
        grpc.insecure_channel("localhost:1").close()
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def _before() -> None:
    _suspended[:] = list(_senders)
    for sender in _suspended:
        sender.before_fork()
    until = time.monotonic() + PATIENCE
    while _grpc_has_threads() and time.monotonic() < until:
        time.sleep(0.001)


def _grpc_has_threads() -> bool:
    """Whether gRPC has threads of its own, which Python knows nothing of."""
    for thread in _TASKS.glob("*/comm"):
        try:
            if thread.read_text().startswith(_NAMES):
                return True
        except OSError:  # it has ended
            continue
    return False


def _in_parent() -> None:
    while _suspended:
        _suspended.pop().after_fork_in_parent()


def _in_child() -> None:
    while _suspended:
        _suspended.pop().after_fork_in_child()
