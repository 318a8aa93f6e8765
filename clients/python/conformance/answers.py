"""What the driver answers: errors, counts, and how many things the process has open."""

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import open_destinations as d

Json = dict[str, Any]

_KINDS: list[tuple[type[BaseException], str]] = [
    (d.RejectedError, "rejected"),
    (d.SerializationError, "serialization"),
    (d.BufferFullError, "buffer_full"),
    (d.ClosedError, "closed"),
    (d.UnansweredError, "unanswered"),
    (d.ClientFailedError, "client_failed"),
    (d.TimeoutError, "timeout"),
    (d.DeadError, "dead"),
    (d.InvalidOptionError, "invalid_option"),
]


def error_of(error: BaseException) -> Json:
    kind = next((name for type_, name in _KINDS if isinstance(error, type_)), "other")
    field = error.option if isinstance(error, d.InvalidOptionError) else getattr(error, "field", "")
    reason = getattr(error, "reason", "") or str(error) or type(error).__name__
    return {"kind": kind, "code": getattr(error, "code", ""), "field": field, "reason": reason}


def result_of(got: Any) -> Json:
    if isinstance(got, BaseException):
        return {"ok": False, "error": error_of(got)}
    return {"ok": True, "bucket": got.bucket, "prefix": got.prefix, "token": got.token}


def counts_of(errors: Iterable[BaseException | None]) -> Json:
    """Counts of events, None being an accepted one."""
    accepted, kinds, first = 0, Counter[str](), None
    for error in errors:
        if error is None:
            accepted += 1
            continue
        said = error_of(error)
        first = first or said
        kinds[f"{said['kind']}/{said['code']}" if said["code"] else said["kind"]] += 1
    counts: Json = {"accepted": accepted, "failed": kinds.total(), "errors": dict(kinds)}
    if first is not None:
        counts["first_error"] = first
    return counts


def delivered_of(got: Iterable[Any]) -> Json:
    """What became of delivered() of many receipts: statuses and errors."""
    delivered, objects, errors = 0, set(), Counter[str]()
    for one in got:
        if isinstance(one, BaseException):
            errors[error_of(one)["kind"]] += 1
        else:
            delivered += 1
            objects |= {(o.bucket, o.key) for o in one.objects}
    listed = [{"bucket": bucket, "key": key} for bucket, key in sorted(objects)]
    return {"delivered": delivered, "objects": listed, "errors": dict(errors)}


def states_of(got: Iterable[Any]) -> Json:
    states, errors = Counter[str](), Counter[str]()
    for one in got:
        if isinstance(one, BaseException):
            errors[error_of(one)["kind"]] += 1
        else:
            states[one.state] += 1
    return {"states": dict(states), "errors": dict(errors)}


def stats_of(stats: d.Stats) -> Json:
    return {name: getattr(stats, name) for name in stats.__slots__}


def open_things(tasks: int = 0) -> Json:
    gc.collect()
    files, threads = os.listdir("/proc/self/fd"), os.listdir("/proc/self/task")
    return {"fds": len(files), "threads": len(threads), "tasks": tasks}


def at_rest(before: Json, tasks: Callable[[], int]) -> Json:
    """What is open when it has come to rest, or after 5 s."""
    until = time.monotonic() + 5
    while True:
        now = open_things(tasks())
        if all(now[key] <= before[key] for key in now) or time.monotonic() > until:
            return now
        time.sleep(0.05)
