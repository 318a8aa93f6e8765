"""The current span goes with the event."""

import pytest
from opentelemetry import context, trace

from open_destinations import connect

from .service import PATIENCE, Service

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


@pytest.mark.parametrize("state", ["", "vendor=1,other=2"])
def test_the_current_span(state: str) -> None:
    with Service() as service, connect(service.target) as client:
        made = trace.SpanContext(
            TRACE, SPAN, False, trace.TraceFlags(1), trace.TraceState.from_header([state] if state else [])
        )
        token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(made)))
        try:
            client.send.s3(bucket="b", payload="in")
        finally:
            context.detach(token)
        client.send.s3(bucket="b", payload="out")
        client.flush(PATIENCE)
        traced, untraced = (event for r in service.requests() for event in r.events)
        assert traced.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        assert traced.tracestate == state
        assert (untraced.traceparent, untraced.tracestate) == ("", "")
