"""Sends events to Amazon S3 through Destinations.

    from open_destinations import connect

    with connect("localhost:50051") as client:
        client.send.s3(bucket="my-bucket", prefix="test", payload={"hello": "world"})

`open_destinations.aio` is the same for asyncio.
"""

from .client import S3, Client, Left, Send, Stats, connect
from .errors import (
    BufferFullError,
    ClientFailedError,
    ClosedError,
    DeadError,
    DestinationsError,
    InvalidOptionError,
    RejectedError,
    SerializationError,
    TimeoutError,
    UnansweredError,
)
from .options import Options, Tls
from .receipt import Receipt, ReceiptFuture
from .status import DeliveredObject, Status

__version__ = "0.1.0"

__all__ = [
    "S3",
    "BufferFullError",
    "Client",
    "ClientFailedError",
    "ClosedError",
    "DeadError",
    "DeliveredObject",
    "DestinationsError",
    "InvalidOptionError",
    "Left",
    "Options",
    "Receipt",
    "ReceiptFuture",
    "RejectedError",
    "Send",
    "SerializationError",
    "Stats",
    "Status",
    "TimeoutError",
    "Tls",
    "UnansweredError",
    "connect",
]
