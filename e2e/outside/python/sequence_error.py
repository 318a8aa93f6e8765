"""Sends a request under a number that does not grow, and prints what the error says:
why, and up to which request everything is durable.

    python sequence_error.py localhost:50051
"""

import json
import sys

import grpc
from destinations.v1.destinations_pb2 import S3Event, SendS3Request, StreamS3Request
from destinations.v1.destinations_pb2_grpc import DestinationsStub
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status


def numbered(make, sender: str):
    for n, sequence in enumerate([1, 2, 2]):
        event = S3Event(payload=f"{sender} {n}".encode())
        yield make(sequence=sequence, bucket="workflows", events=[event])


def explain(error: grpc.RpcError) -> dict:
    """What a program decides by."""
    said = {"code": error.code().name}
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = ErrorInfo()
        if detail.Unpack(info):
            said["reason"] = info.reason
            said["durable_sequence"] = info.metadata["durable_sequence"]
    return said


with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = DestinationsStub(channel)
    try:
        stub.SendS3(numbered(SendS3Request, "python SendS3 error"), timeout=30)
    except grpc.RpcError as error:
        print(json.dumps(explain(error)))
    try:
        for _ in stub.StreamS3(numbered(StreamS3Request, "python StreamS3 error"), timeout=30):
            pass  # answers may come before the error
    except grpc.RpcError as error:
        print(json.dumps(explain(error)))
