"""What a client goes through when its process forks.

gRPC's own handlers give up when another of its threads is at work, and a child whose
parent's threads were at work hangs: both were seen. So every client lets its streams and
threads end before the fork. The parent opens streams again and sends again what has no
answer, which is safe; the child begins as another sender, with a connection of its own.

The parent's connection stays: to close it would have gRPC's own threads at work in the
very moment of the fork, and one child in 200 hung then.
"""

from __future__ import annotations

import functools
import os
import weakref
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from ._sender import Sender

_senders: weakref.WeakSet[Sender] = weakref.WeakSet()
_suspended: list[Sender] = []


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


def _in_parent() -> None:
    while _suspended:
        _suspended.pop().after_fork_in_parent()


def _in_child() -> None:
    while _suspended:
        _suspended.pop().after_fork_in_child()
