"""The options of `connect`: what they are, what they may be, what they are by default."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict

import grpc

from ._target import is_local
from .errors import DestinationsError, InvalidOptionError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates in PEM: bytes, not paths.

    ca: roots to trust instead of the system's. cert, key: the client's own (mTLS).
    """

    ca: bytes | None = None
    cert: bytes | None = None
    key: bytes | None = field(default=None, repr=False)


class Options(TypedDict, total=False):
    """What `connect` takes besides the target; times are in seconds.

    max_buffered_bytes: what is held without an answer (64 MiB): payload, bucket, prefix, id
    and 64 bytes an event.
    when_full: "wait" for room, however long (default); "block": for block_timeout, then
    BufferFullError; "error": BufferFullError at once.
    block_timeout: see when_full (30).
    batch_bytes: a request is cut before it grows larger (256 KiB; at most 4 MiB).
    batch_delay: a request is cut so long after its first event, full or not (0.005).
    max_streams: streams under load (4; at most 64); 1 keeps the lines of a destination in the order of
    the calls.
    reconnect_initial, reconnect_max: pauses between tries to reach the service (0.1, 10).
    keepalive_time, keepalive_timeout: a silent connection is asked after the one, and given
    up after the other (30, 10).
    close_timeout: of `close` when it is given none, and of `with` (30).
    receipts: whether receipts can be asked for deliveries (True).
    insecure: plaintext to a target that is not this machine (False).
    tls: own roots, own certificate.
    credentials: gRPC channel credentials, instead of insecure and tls.
    token: sent as "authorization: Bearer ..."; a function is asked for each stream and call,
    in a thread of the client.
    serializer: from a payload that is neither str nor bytes to bytes (JSON).
    on_rejected: called with the error of each event that failed after its call; what it
    raises is ignored. Where answers are read: `connect` calls it in a thread of the client,
    where it must neither wait for the client (`flush`, `close`, `result`, a full buffer) nor
    fork; `aio` in the event loop.
    """

    max_buffered_bytes: int
    when_full: Literal["wait", "block", "error"]
    block_timeout: float
    batch_bytes: int
    batch_delay: float
    max_streams: int
    reconnect_initial: float
    reconnect_max: float
    keepalive_time: float
    keepalive_timeout: float
    close_timeout: float
    receipts: bool
    insecure: bool
    tls: Tls | None
    credentials: grpc.ChannelCredentials | None
    token: str | Callable[[], str] | None
    serializer: Callable[[object], bytes] | None
    on_rejected: Callable[[DestinationsError], object] | None


@dataclass(frozen=True, slots=True, repr=False)  # never shown: it may hold secrets
class Settings:
    """Options, complete and valid."""

    max_buffered_bytes: int = 64 * MIB
    when_full: str = "wait"
    block_timeout: float = 30.0
    batch_bytes: int = 256 << 10
    batch_delay: float = 0.005
    max_streams: int = 4
    reconnect_initial: float = 0.1
    reconnect_max: float = 10.0
    keepalive_time: float = 30.0
    keepalive_timeout: float = 10.0
    close_timeout: float = 30.0
    receipts: bool = True
    insecure: bool = False
    tls: Tls | None = None
    credentials: grpc.ChannelCredentials | None = None
    token: str | Callable[[], str] | None = None
    serializer: Callable[[object], bytes] | None = None
    on_rejected: Callable[[DestinationsError], object] | None = None

    def plaintext(self, target: str) -> bool:
        """Whether the connection to the target is not encrypted."""
        if self.credentials is not None or self.tls is not None:
            return False
        return self.insecure or is_local(target)


# Smallest and largest value of each option that is a number.
_INTEGERS = {
    "max_buffered_bytes": (1, 1 << 40),
    "batch_bytes": (1, 4 * MIB),
    "max_streams": (1, 64),
}
_SECONDS = {
    "block_timeout": (0.0, 86400.0),
    "batch_delay": (0.0, 60.0),
    "reconnect_initial": (0.001, 3600.0),
    "reconnect_max": (0.001, 3600.0),
    "keepalive_time": (10.0, 86400.0),
    "keepalive_timeout": (0.1, 3600.0),
    "close_timeout": (0.0, 86400.0),
}
_TYPES: dict[str, tuple[Any, str]] = {
    "receipts": (bool, "a bool"),
    "insecure": (bool, "a bool"),
    "tls": ((Tls, type(None)), "a Tls"),
    "credentials": ((grpc.ChannelCredentials, type(None)), "a grpc.ChannelCredentials"),
}


def settings(target: str, options: Options) -> Settings:
    """Checks the options, and completes them. Raises InvalidOptionError."""
    known = {f.name for f in fields(Settings)}
    for name in options:
        if name not in known:
            raise InvalidOptionError(name, "there is no such option")
    made = Settings(**options)
    _check_numbers(made)
    _check_types(made)
    _check_together(made)
    check_target(target, made)
    return made


def _check_numbers(made: Settings) -> None:
    for name, (least, most) in _INTEGERS.items():
        value = getattr(made, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidOptionError(name, f"{value!r} is not an int from {least} to {most}")
    for name, (low, high) in _SECONDS.items():
        value = getattr(made, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise InvalidOptionError(name, f"{value!r} is not seconds from {low} to {high}")


def _check_types(made: Settings) -> None:
    if made.when_full not in ("wait", "block", "error"):
        raise InvalidOptionError("when_full", f"{made.when_full!r} is not wait, block or error")
    for name, (type_, what) in _TYPES.items():
        if not isinstance(getattr(made, name), type_):
            raise InvalidOptionError(name, f"is not {what}")
    for name in ("serializer", "on_rejected"):
        value = getattr(made, name)
        if value is not None and not callable(value):
            raise InvalidOptionError(name, "is not callable")
    if made.token is not None and not callable(made.token) and not is_token(made.token):
        raise InvalidOptionError("token", "is neither a str of visible ASCII characters nor callable")


def is_token(token: object) -> bool:
    """Whether a header can say the token: one from a file may have a line end."""
    return isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token) is not None


def _check_together(made: Settings) -> None:
    if made.reconnect_max < made.reconnect_initial:
        raise InvalidOptionError("reconnect_max", "is less than reconnect_initial")
    if made.insecure and made.tls is not None:
        raise InvalidOptionError("insecure", "contradicts tls")
    if made.credentials is not None and (made.insecure or made.tls is not None):
        raise InvalidOptionError("credentials", "takes the place of insecure and tls")
    if made.tls is not None and (made.tls.cert is None) != (made.tls.key is None):
        raise InvalidOptionError("tls", "cert and key go together")


def check_target(target: str, made: Settings) -> None:
    """Refuses what is no target, and a token that others could read on the way to it."""
    if not isinstance(target, str) or not target.strip():
        raise InvalidOptionError("target", "is missing")
    if made.token is not None and made.plaintext(target) and not is_local(target):
        raise InvalidOptionError("token", "would go to another machine in plaintext")


__all__ = ["Options", "Settings", "Tls", "check_target", "settings"]
