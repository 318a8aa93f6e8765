"""Encodes requests by hand, out of events that are encoded once, in their call.

It gives the bytes that the generated StreamS3Request would (a test compares them), for
a fifth of the time: building messages out of 400-byte events costs more than all else
in a call. Numbers are those of proto/destinations/v1/destinations.proto.
"""

from __future__ import annotations

_EVENT = b"\x0a"  # StreamS3Request.events
_BUCKET = b"\x12"  # StreamS3Request.bucket, S3Event.bucket
_PREFIX = b"\x1a"  # StreamS3Request.prefix, S3Event.prefix
_SEQUENCE = b"\x20"
_SETTLED = b"\x28"
_SENDER_ID = b"\x32"
_RECEIPTS = b"\x38\x01"
_ID = b"\x0a"  # S3Event.id
_PAYLOAD = b"\x22"
_TRACEPARENT = b"\x2a"
_TRACESTATE = b"\x32"


def _encode(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_SMALL = [_encode(n) for n in range(4096)]  # most lengths of events


def varint(n: int) -> bytes:
    """A number of at least 0."""
    return _SMALL[n] if n < 4096 else _encode(n)


def _text(tag: bytes, value: bytes) -> bytes:
    return tag + varint(len(value)) + value if value else b""


def place(bucket: bytes, prefix: bytes) -> bytes:
    """Where an event, or a request's events, go; an empty prefix is left out."""
    return _text(_BUCKET, bucket) + _text(_PREFIX, prefix)


def rest(id: bytes, traceparent: bytes, tracestate: bytes) -> bytes:
    """The fields of an event that are neither its place nor its payload."""
    return _text(_ID, id) + _text(_TRACEPARENT, traceparent) + _text(_TRACESTATE, tracestate)


def event_head(fields: bytes, payload_size: int) -> bytes:
    """What stands before the payload of an event with these other fields."""
    length = varint(payload_size)
    size = len(fields) + 1 + len(length) + payload_size
    return _EVENT + varint(size) + fields + _PAYLOAD + length


def numbers(sequence: int, settled: int) -> bytes:
    """The numbers of a request."""
    tail = _SEQUENCE + varint(sequence)
    return tail + _SETTLED + varint(settled) if settled else tail


def first(sender_id: bytes, receipts: bool) -> bytes:
    """What only the first request of a stream says."""
    return _text(_SENDER_ID, sender_id) + (_RECEIPTS if receipts else b"")
