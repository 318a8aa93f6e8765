"""A service in this process: it answers as the real one does, and fails as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

from open_destinations._proto import deliveries_pb2 as deliveries
from open_destinations._proto import destinations_pb2 as api
from open_destinations._proto import error_details_pb2 as details

PATIENCE = 20.0  # s that a test waits for what has to come


def eventually(holds: Callable[[], Any], what: str = "") -> None:
    """Waits until it holds."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"never came: {what}"
        threading.Event().wait(0.005)


@dataclass
class End:
    """How a stream ends: after so many requests were read, and so many of them answered."""

    after: int
    answered: int
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    reason: str = ""
    delay: float = 0.0
    message: str = "as told"

    def abort(self, context: grpc.ServicerContext) -> None:
        status = details.Status(code=self.code.value[0], message=self.message)
        if self.reason:
            info = details.ErrorInfo(reason=self.reason, domain="destinations")
            status.details.add(
                type_url="type.googleapis.com/google.rpc.ErrorInfo"
            ).value = info.SerializeToString()
        if self.delay:
            nanos = round(self.delay * 1e9)
            retry = details.RetryInfo(retry_delay=details.Delay(nanos=nanos))
            status.details.add(
                type_url="type.googleapis.com/google.rpc.RetryInfo"
            ).value = retry.SerializeToString()
        if status.details:
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(self.code, self.message)


@dataclass
class Seen:
    """A request as it came: the stream's number from 0, the message, and the call's metadata."""

    stream: int
    request: api.StreamS3Request
    metadata: dict[str, str]


@dataclass
class Service:
    """ends: what becomes of the streams, in the order in which they are opened; those behind
    the last one go on. gate: answers wait for it. taken: payloads, without duplicates."""

    ends: list[End] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    answer: Callable[[api.StreamS3Request], api.StreamS3Response] | None = None
    states: dict[str, list[str]] = field(default_factory=dict)
    credentials: grpc.ServerCredentials | None = None
    address: str = "127.0.0.1:0"
    seen: list[Seen] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    target: str = ""

    def __enter__(self) -> Service:
        self._lock = threading.Lock()
        self._streams = 0
        self._members: set[tuple[bytes, int, int]] = set()
        self.gate.set()
        self._pool = ThreadPoolExecutor(64)
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([self._sends(), self._deliveries()])
        if self.credentials is None:
            port = self._server.add_insecure_port(self.address)
        else:
            port = self._server.add_secure_port(self.address, self.credentials)
        self.target = f"localhost:{port}"
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.stop(0).wait()
        self._pool.shutdown()

    def _sends(self) -> grpc.GenericRpcHandler:
        handler = grpc.stream_stream_rpc_method_handler(
            self._stream, api.StreamS3Request.FromString, api.StreamS3Response.SerializeToString
        )
        return grpc.method_handlers_generic_handler("destinations.v1.Destinations", {"StreamS3": handler})

    def _deliveries(self) -> grpc.GenericRpcHandler:
        handler = grpc.unary_unary_rpc_method_handler(
            self._get_delivery,
            deliveries.GetDeliveryRequest.FromString,
            deliveries.GetDeliveryResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler("destinations.v1.Deliveries", {"GetDelivery": handler})

    def _stream(
        self, requests: Iterator[api.StreamS3Request], context: grpc.ServicerContext
    ) -> Iterator[api.StreamS3Response]:
        with self._lock:
            number, self._streams = self._streams, self._streams + 1
        end = self.ends[number] if number < len(self.ends) else End(1 << 60, 1 << 60)
        metadata = {key: str(value) for key, value in context.invocation_metadata()}
        if end.after == 0:
            end.abort(context)
        sender = b""
        for i, request in enumerate(requests, start=1):
            sender = request.sender_id or sender
            with self._lock:
                self.seen.append(Seen(number, request, metadata))
                answer = self._take(sender, request)
            if i <= end.answered:
                self.gate.wait()
                yield answer
            if i >= end.after:
                end.abort(context)

    def _take(self, sender: bytes, request: api.StreamS3Request) -> api.StreamS3Response:
        """Accepts what has no line break, and leaves out what was taken before."""
        if self.answer is not None:
            return self.answer(request)
        answer = api.StreamS3Response(sequence=request.sequence)
        receipts: dict[tuple[str, str], int] = {}
        for i, event in enumerate(request.events):
            place = (event.bucket, event.prefix) if event.bucket else (request.bucket, request.prefix)
            if b"\n" in event.payload:
                answer.rejections.add(
                    code="REJECTION_CODE_PAYLOAD_LINE_BREAK",
                    field="payload",
                    reason="line break at byte 1",
                    sequence=request.sequence,
                    request_index=i,
                )
                continue
            member = (sender, request.sequence, i)
            if member not in self._members:
                self._members.add(member)
                self.taken.append(event.payload)
            key = (place[0], place[1] + "/" if place[1] and not place[1].endswith("/") else place[1])
            receipts[key] = receipts.get(key, 0) + 1
        for (bucket, prefix), n in receipts.items():
            token = f"{bucket}/{prefix}{request.sequence}"
            answer.receipts.add(bucket=bucket, prefix=prefix, accepted=n, token=token)
        answer.accepted = sum(receipts.values())
        answer.rejected = len(answer.rejections)
        return answer

    def _get_delivery(
        self, request: deliveries.GetDeliveryRequest, context: grpc.ServicerContext
    ) -> deliveries.GetDeliveryResponse:
        """Each token goes through its states; the last one stays. "" = unknown."""
        with self._lock:
            self.asked.append(list(request.tokens))
            states = [self._next_state(token) for token in request.tokens]
        if "" in states:
            End(0, 0, grpc.StatusCode.NOT_FOUND, "TOKEN_UNKNOWN").abort(context)
        if "AWAY" in states:
            End(0, 0).abort(context)
        answer = deliveries.GetDeliveryResponse()
        for token, state in zip(request.tokens, states, strict=True):
            made = answer.deliveries.add(token=token, state=f"DELIVERY_STATE_{state}")
            if state == "DELIVERED":
                made.objects.add(bucket="b", key=f"key of {token}", etag="e", size=5, events=1)
            if state in ("DEAD", "BLOCKED"):
                made.code, made.message = "AccessDenied", "no"
        return answer

    def _next_state(self, token: str) -> str:
        states = self.states.get(token, ["DELIVERED"])
        return states.pop(0) if len(states) > 1 else states[0]

    def requests(self) -> list[api.StreamS3Request]:
        with self._lock:
            return [seen.request for seen in self.seen]

    def streams(self) -> int:
        return self._streams
