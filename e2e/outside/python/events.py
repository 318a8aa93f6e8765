r"""The requests that the examples send.

The modules destinations.v1 are generated from the project's .proto file, here from
the top of the checkout into a folder that PYTHONPATH names:

    python -m grpc_tools.protoc -I proto --python_out DIR --grpc_python_out DIR \
        destinations/v1/destinations.proto
"""

import json

from destinations.v1.destinations_pb2 import S3Event


def text(sender: str, n: int) -> bytes:
    """A payload that people can read."""
    event = {"from": sender, "n": n, "text": "Grüße, 日本語, 😀"}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def binary(sender: str) -> bytes:
    """A payload with every byte but the line breaks."""
    return sender.encode() + bytes(b for b in range(256) if b not in b"\r\n")


def requests(make, sender: str) -> list:
    """Requests of the type make: SendS3Request or StreamS3Request."""
    return [
        make(
            bucket="workflows",
            prefix="python",
            events=[
                S3Event(payload=text(sender, 0)),  # goes where its request says
                S3Event(payload=binary(sender), prefix="python/binary"),
                S3Event(payload=text(sender, 2), prefix=""),  # "" is a prefix too: none
            ],
        ),
        make(
            events=[
                S3Event(payload=text(sender, 3), bucket="audit"),
                S3Event(payload=b"two\nlines", bucket="audit"),  # is rejected
                S3Event(payload=text(sender, 5), bucket="audit", prefix="python"),
            ],
        ),
        make(bucket="workflows", prefix="python/", events=[S3Event(payload=text(sender, 6))]),
    ]
