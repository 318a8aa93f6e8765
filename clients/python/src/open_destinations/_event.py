"""An event: checked, serialised and measured in its call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _tracing, _wire
from .errors import DestinationsError, RejectedError, SerializationError

if TYPE_CHECKING:
    from asyncio import Future

    from ._deliveries import Deliveries
    from ._request import Request

MAX_PAYLOAD = 16 << 20
OVERHEAD = 64  # bytes that an event counts besides its own

MISSING: Any = object()  # stands for an argument that was not given

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Event:
    """One event on its way.

    size: bytes that it counts in the buffer. payload and fields: empty once it is in a request.
    request, index: where it is, once it is in a request. error: why it got into none.
    future: the asyncio client's promise.
    """

    __slots__ = (
        "bucket",
        "error",
        "fields",
        "future",
        "index",
        "payload",
        "prefix",
        "request",
        "size",
    )

    def __init__(self, bucket: str, prefix: str, payload: bytes) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.payload = payload
        self.fields = b""
        self.size = OVERHEAD
        self.request: Request | None = None
        self.index = 0
        self.error: DestinationsError | None = None
        self.future: Future[Any] | None = None

    def done(self) -> bool:
        """Whether it is known what became of it."""
        return self.error is not None or (self.request is not None and self.request.done)

    def failure(self) -> DestinationsError | None:
        """What is wrong with it, once it is done."""
        if self.request is None:
            return self.error
        return self.request.failure(self.index)

    def receipt(self) -> tuple[str, str, str, Deliveries]:
        """Bucket, completed prefix, token, and whom to ask, once it is accepted."""
        request = self.request
        assert request is not None
        assert request.deliveries is not None
        prefix = self.prefix
        if prefix and not prefix.endswith("/"):
            prefix += "/"
        token = request.tokens.get((self.bucket, prefix), "")
        return self.bucket, prefix, token, request.deliveries


def make(
    bucket: str,
    prefix: str | None,
    payload: object,
    id: str | None,
    serializer: Callable[[object], bytes] | None,
) -> Event:
    """Checks and serialises; raises RejectedError or SerializationError, naming the field."""
    raw_bucket = _text("bucket", bucket)
    if not raw_bucket:
        raise RejectedError("BUCKET_INVALID", "bucket", "bucket is missing")
    raw_prefix = _text("prefix", prefix) if prefix is not None else b""
    raw_id = _text("id", id) if id is not None else b""
    data = _payload(payload, serializer)
    event = Event(bucket, prefix or "", data)
    event.fields = _wire.rest(raw_id, *_tracing.context())
    event.size = len(raw_bucket) + len(raw_prefix) + len(raw_id) + len(data) + OVERHEAD
    return event


def _text(field: str, value: object) -> bytes:
    code = field.upper() + "_INVALID"
    if not isinstance(value, str):
        what = "is missing" if value is MISSING else f"is a {type(value).__name__}, not a str"
        raise RejectedError(code, field, f"{field} {what}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise RejectedError(code, field, f"{field} is not valid Unicode") from None


def _payload(payload: object, serializer: Callable[[object], bytes] | None) -> bytes:
    if isinstance(payload, bytes):
        data = payload
    elif isinstance(payload, str):
        data = _encoded(payload)
    elif isinstance(payload, bytearray | memoryview):
        data = bytes(payload)
    elif payload is MISSING:
        raise RejectedError("PAYLOAD_EMPTY", "payload", "payload is missing")
    else:
        data = _serialized(payload, serializer)
    if len(data) > MAX_PAYLOAD:
        reason = f"payload has {len(data)} bytes, more than {MAX_PAYLOAD}"
        raise RejectedError("PAYLOAD_TOO_LARGE", "payload", reason)
    return data


def _serialized(payload: object, serializer: Callable[[object], bytes] | None) -> bytes:
    """Nothing of the encoder's message: it may quote the payload."""
    try:
        if serializer is None:
            return _encoded(_json(payload))
        data = serializer(payload)
    except SerializationError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__} in the encoder, for a {type(payload).__name__}"
        raise SerializationError(reason) from error
    if not isinstance(data, bytes):
        raise SerializationError(f"the serializer gave a {type(data).__name__}, not bytes")
    return data


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise SerializationError("it is not valid Unicode") from None
