"""The tracing context of a call, as W3C Trace Context writes it, if OpenTelemetry is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

try:
    from opentelemetry.trace import get_current_span
except ImportError:  # then nothing is traced
    _traced = False
else:
    _traced = True

_NONE = (b"", b"")


def context() -> tuple[bytes, bytes]:
    """traceparent and tracestate of the span that is current; empty if none is."""
    if not _traced:
        return _NONE
    span = get_current_span().get_span_context()
    return _write(span) if span.is_valid else _NONE


def _write(span: SpanContext) -> tuple[bytes, bytes]:
    parent = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    state = span.trace_state.to_header() if span.trace_state else ""
    return parent.encode(), state.encode()
