"""Sends events in bulk, and prints the one answer that says what became of them.

    python send_s3.py localhost:50051
"""

import sys

import grpc
from destinations.v1.destinations_pb2 import SendS3Request
from destinations.v1.destinations_pb2_grpc import DestinationsStub
from google.protobuf.json_format import MessageToJson

from events import requests

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = DestinationsStub(channel)
    answer = stub.SendS3(iter(requests(SendS3Request, "python SendS3")), timeout=30)
    print(MessageToJson(answer, indent=None))
