"""What the driver gives to the package: options and the arguments of calls."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import context, trace

import open_destinations as d

Json = dict[str, Any]


def options(given: Json) -> tuple[str, Json]:
    """The target, and the options as the package names them."""
    made: Json = {}
    files: Json = {}
    for name, value in given.items():
        if name in ("tls_ca", "tls_cert", "tls_key"):
            files[name.removeprefix("tls_")] = Path(value).read_bytes()
        elif name == "token_function":
            made["token"] = lambda value=value: value
        elif name.endswith("_ms"):
            made[name.removesuffix("_ms")] = value / 1000
        else:
            made[name] = value
    if files:
        made["tls"] = d.Tls(**files)
    return made.pop("target", ""), made


class Unserializable:
    """An object that json refuses."""


def arguments(event: Json) -> Json:
    """The arguments of a call."""
    made = {key: event[key] for key in ("bucket", "prefix", "id") if event.get(key) is not None}
    if "json" in event:
        made["payload"] = event["json"]
    elif event.get("text") is not None:
        made["payload"] = event["text"]
    elif event.get("base64") is not None:
        made["payload"] = base64.b64decode(event["base64"])
    elif event.get("unserializable"):
        made["payload"] = Unserializable()
    return made


def looped(command: Json) -> Iterator[tuple[int, Json]]:
    """The events of `loop`."""
    first, places = command.get("first", 0), command["destinations"]
    name, pad = command.get("name") or command.get("client", ""), "x" * command.get("pad", 0)
    for n in range(first, first + command["count"]):
        made = arguments(places[n % len(places)])
        made["payload"] = {"c": name, "n": n, "pad": pad}
        if command.get("id_prefix"):
            made["id"] = f"{command['id_prefix']}{n}"
        yield n, made


@contextmanager
def span(event: Json) -> Iterator[None]:
    """The event's span context is the current one."""
    parts = (event.get("traceparent") or "").split("-")
    if len(parts) != 4:
        yield
        return
    state = trace.TraceState.from_header([event["tracestate"]]) if event.get("tracestate") else None
    made = trace.SpanContext(
        int(parts[1], 16), int(parts[2], 16), True, trace.TraceFlags(int(parts[3], 16)), state
    )
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(made)))
    try:
        yield
    finally:
        context.detach(token)
