"""Sends events on a stream that stays open, and prints the answers as they come.

    python stream_s3.py localhost:50051
"""

import queue
import sys

import grpc
from destinations.v1.destinations_pb2 import StreamS3Request
from destinations.v1.destinations_pb2_grpc import DestinationsStub
from google.protobuf.json_format import MessageToJson

from events import requests

with grpc.insecure_channel(sys.argv[1]) as channel:
    outgoing = queue.SimpleQueue()  # None closes our side of the stream
    for sequence, request in enumerate(requests(StreamS3Request, "python StreamS3"), start=1):
        request.sequence = sequence
        request.receipts = sequence == 1
        outgoing.put(request)
    last = sequence

    for answer in DestinationsStub(channel).StreamS3(iter(outgoing.get, None), timeout=30):
        print(MessageToJson(answer, indent=None))  # every request up to answer.sequence is durable
        if answer.sequence == last:
            outgoing.put(None)
