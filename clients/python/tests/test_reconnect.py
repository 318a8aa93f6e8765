"""What has no answer is sent again exactly as it was, until it has one."""

import random
from typing import Any

import grpc
import pytest

from open_destinations import RejectedError, connect

from .service import PATIENCE, End, Service, eventually

FAST: Any = {"reconnect_initial": 0.001, "reconnect_max": 0.01}
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def assert_exact(service: Service) -> None:
    """Whenever a number came again, it came with the same events to the same place; and
    within a stream the numbers grew, and nothing settled came again."""
    first: dict[int, bytes] = {}
    last: dict[int, int] = {}
    for seen in service.seen:
        request = seen.request
        assert request.sequence > last.get(seen.stream, 0)
        assert request.settled < request.sequence
        last[seen.stream] = request.sequence
        core = type(request)(events=request.events, bucket=request.bucket, prefix=request.prefix)
        assert first.setdefault(request.sequence, core.SerializeToString()) == core.SerializeToString()


@pytest.mark.parametrize("max_streams", [1, 4])
def test_resets(max_streams: int) -> None:
    rng = random.Random(max_streams)
    ends = [End(n := rng.randint(0, 12), rng.randint(0, n)) for _ in range(25)]
    with (
        Service(ends) as service,
        connect(service.target, batch_bytes=2000, max_streams=max_streams, **FAST) as client,
    ):
        sent = [client.send.s3(bucket="b", prefix=f"p{n % 3}", payload=f"{n}") for n in range(3000)]
        client.flush(PATIENCE)
        assert all(s.result(0).bucket == "b" for s in sent)
        assert client.stats().reconnects > 5
        assert client.stats().last_error == ""
        assert_exact(service)
    assert sorted(service.taken) == sorted(b"%d" % n for n in range(3000))
    if max_streams == 1:
        assert service.taken == [b"%d" % n for n in range(3000)]


def test_stream_age() -> None:
    ends = [End(2, 2, reason="STREAM_AGE", delay=0.01) for _ in range(5)]
    with Service(ends) as service, connect(service.target, batch_bytes=1, **FAST) as client:
        for n in range(11):
            client.send.s3(bucket="b", payload=f"{n}")
        client.flush(PATIENCE)
        assert client.stats().reconnects == 5
        eventually(lambda: len({seen.stream for seen in service.seen}) == 6)
        assert_exact(service)
    assert service.taken == [b"%d" % n for n in range(11)]


def test_a_rejection_of_a_stream_that_breaks_is_not_the_last_word() -> None:
    """The answer to the request is lost; the resend is answered anew."""
    with Service([End(1, 0)]) as service, connect(service.target, **FAST) as client:
        sent = [client.send.s3(bucket="b", payload=p) for p in ("good", "b\nad", "fine")]
        client.flush(PATIENCE)
        assert [s.exception(0) is None for s in sent] == [True, False, True]
        assert client.stats().rejected == 1
    assert service.taken == [b"good", b"fine"]


def test_the_pause_that_the_service_asks_for_is_kept() -> None:
    end = End(1, 0, EXHAUSTED, "JOURNAL_FULL", delay=0.2)
    with Service([end]) as service, connect(service.target, **FAST) as client:
        sent = client.send.s3(bucket="b", payload="x")
        eventually(lambda: client.stats().last_error)
        assert client.stats().last_error == "RESOURCE_EXHAUSTED (JOURNAL_FULL): as told"
        assert not sent.done()
        sent.result(PATIENCE)


@pytest.mark.parametrize(
    "end",
    [
        End(3, 1, EXHAUSTED, "REQUEST_TOO_LARGE"),
        End(3, 1, EXHAUSTED, "", message="Received message larger than max (9 vs. 4)"),
    ],
)
def test_a_request_that_is_too_large_fails_alone(end: End) -> None:
    with Service([end]) as service, connect(service.target, batch_bytes=1, **FAST) as client:
        service.gate.clear()
        sent = [client.send.s3(bucket="b", payload="x" * size) for size in (10, 9000, 20)]
        service.gate.set()
        client.flush(PATIENCE)
        assert [s.exception(0) is None for s in sent] == [True, False, True]
        error = sent[1].exception(0)
        assert isinstance(error, RejectedError)
        assert (error.code, error.field) == ("REQUEST_TOO_LARGE", "payload")
        assert [len(r.events) for r in service.requests() if r.sequence == 2] == [1, 0]
        assert (client.stats().accepted, client.stats().rejected) == (2, 1)


def test_a_service_that_comes_later() -> None:
    with Service() as first:
        target = first.target
    with connect(target, **FAST) as client:
        sent = [client.send.s3(bucket="b", payload=f"{n}") for n in range(100)]
        eventually(lambda: client.stats().reconnects > 2)
        assert client.stats().streams == 0
        with Service(address=target) as service:
            client.flush(PATIENCE)
            assert all(s.done() for s in sent)
            client.close()
        assert service.taken == [b"%d" % n for n in range(100)]


def test_a_token_that_is_asked_for_again() -> None:
    tokens = iter(["old", "new", "newer"])
    end = End(0, 0, grpc.StatusCode.UNAUTHENTICATED)
    with Service([end]) as service, connect(service.target, token=lambda: next(tokens), **FAST) as client:
        client.send.s3(bucket="b", payload="x").result(PATIENCE)
        assert service.seen[0].metadata["authorization"] == "Bearer new"


def test_a_token_that_fails_is_asked_for_again() -> None:
    tries: list[int] = []

    def token() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("secret")
        return "t"

    with Service() as service, connect(service.target, token=token, **FAST) as client:
        sent = client.send.s3(bucket="b", payload="x")
        sent.result(PATIENCE)
        assert service.seen[0].metadata["authorization"] == "Bearer t"
