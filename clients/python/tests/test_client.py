"""The client for threads: calls, batches, answers."""

import threading

import grpc
import pytest

from open_destinations import (
    ClientFailedError,
    ClosedError,
    DestinationsError,
    Receipt,
    RejectedError,
    SerializationError,
    connect,
)
from open_destinations import TimeoutError as OurTimeoutError
from open_destinations._proto import destinations_pb2 as api

from .service import PATIENCE, End, Service, eventually


def test_receipts_and_rejections_are_of_their_own_events() -> None:
    failed: list[DestinationsError] = []
    with Service() as service, connect(service.target, on_rejected=failed.append) as client:
        send = client.send
        good = [send.s3(bucket="b", prefix=f"p{n % 3}", payload={"n": n}) for n in range(30)]
        bad = send.s3(bucket="b", payload="two\nlines")
        plain = send.s3(bucket="other", payload=b"bytes")
        client.flush(PATIENCE)
        assert bad.done()
        with pytest.raises(RejectedError) as caught:
            bad.result(0)
        error = caught.value
        assert (error.code, error.field) == ("PAYLOAD_LINE_BREAK", "payload")
        assert error.reason == "line break at byte 1"
        assert failed == [error]
        for n, sent in enumerate(good):
            receipt = sent.result(0)
            assert isinstance(receipt, Receipt)
            assert (receipt.bucket, receipt.prefix) == ("b", f"p{n % 3}/")
            assert receipt.token.startswith(f"b/p{n % 3}/")
        assert plain.result(0).prefix == ""
        stats = client.stats()
        assert (stats.accepted, stats.rejected, stats.buffered_events, stats.buffered_bytes) == (31, 1, 0, 0)
        assert stats.streams == 1
    assert len(service.taken) == 31


def test_receipts_may_begin_in_the_answer_before() -> None:
    """As the service does it where one answer has no room for all of them."""

    def answer(request: api.StreamS3Request) -> api.StreamS3Response:
        made = api.StreamS3Response(sequence=request.sequence)
        for prefix in ("1/", "2/") if request.sequence == 1 else ("3/",):
            made.receipts.add(bucket="b", prefix=prefix, token=f"{request.sequence}:{prefix}")
        return made

    with Service(answer=answer) as service, connect(service.target) as client:
        first = client.send.s3(bucket="b", prefix="1", payload="x")
        client.flush(PATIENCE)
        second = [client.send.s3(bucket="b", prefix=prefix, payload="x") for prefix in ("2", "3")]
        assert first.result(PATIENCE).token == "1:1/"
        assert [sent.result(PATIENCE).token for sent in second] == ["1:2/", "2:3/"]


def test_a_bad_call_fails_alone() -> None:
    with Service() as service, connect(service.target) as client:
        with pytest.raises(SerializationError):
            client.send.s3(bucket="b", payload=object())
        with pytest.raises(RejectedError):
            client.send.s3(bucket="", payload="x")
        client.send.s3(bucket="b", payload="x").result(PATIENCE)
    assert service.taken == [b"x"]


def test_what_the_caller_changes_later_does_not_matter() -> None:
    order = {"n": 1}
    with Service() as service, connect(service.target) as client:
        client.send.s3(bucket="b", payload=order)
        order["n"] = 2
    assert service.taken == [b'{"n":1}']


def test_requests_are_cut_by_size_and_sent_in_order() -> None:
    with Service() as service, connect(service.target, batch_bytes=1000, batch_delay=60) as client:
        for n in range(25):
            client.send.s3(bucket="b", payload=f"{n:0135d}")  # counts 200 bytes
        client.flush(PATIENCE)
        requests = service.requests()
        assert [len(r.events) for r in requests] == [5] * 5
        assert [r.sequence for r in requests] == [1, 2, 3, 4, 5]
        assert all(r.settled < r.sequence for r in requests)
        assert service.taken == [f"{n:0135d}".encode() for n in range(25)]
        assert [bool(r.sender_id) for r in requests] == [True] + [False] * 4
        assert requests[0].receipts


def test_an_event_larger_than_a_request_goes_alone() -> None:
    with Service() as service, connect(service.target, batch_bytes=100, batch_delay=60) as client:
        for size in (1, 1000, 1):
            client.send.s3(bucket="b", payload="x" * size)
        client.flush(PATIENCE)
        assert [len(r.events) for r in service.requests()] == [1, 1, 1]


def test_a_request_is_cut_after_its_delay() -> None:
    with Service() as service, connect(service.target, batch_delay=0.001) as client:
        client.send.s3(bucket="b", payload="x").result(PATIENCE)
    assert len(service.requests()) == 1


def test_settled_is_said() -> None:
    with Service() as service, connect(service.target) as client:
        for n in range(5):
            client.send.s3(bucket="b", payload=f"{n}").result(PATIENCE)
        assert [(r.sequence, r.settled) for r in service.requests()] == [(n, n - 1) for n in range(1, 6)]


def test_no_more_than_1000_requests_are_without_an_answer() -> None:
    with Service() as service, connect(service.target, batch_bytes=1) as client:
        service.gate.clear()
        sent = [client.send.s3(bucket="b", payload=f"{n}") for n in range(1500)]
        with client._sender.lock:
            assert len(client._sender.session.unanswered) == 1000
        service.gate.set()
        client.flush(PATIENCE)
        assert all(s.done() for s in sent)
    assert service.taken == [b"%d" % n for n in range(1500)]


def test_flush_has_a_time_out_that_loses_nothing() -> None:
    with Service() as service, connect(service.target) as client:
        service.gate.clear()
        sent = client.send.s3(bucket="b", payload="x")
        with pytest.raises(OurTimeoutError) as caught:
            client.flush(0.01)
        assert "1 events" in caught.value.left
        with pytest.raises(TimeoutError):  # the language's own, too
            sent.result(0.01)
        service.gate.set()
        client.flush(PATIENCE)
        assert sent.done()


def test_flush_of_a_client_that_has_sent_nothing() -> None:
    with connect("localhost:1") as client:
        client.flush(0)
        assert client.stats().streams == 0


def test_eight_threads_and_two_facades_are_one_sender() -> None:
    with Service() as service, connect(service.target, batch_bytes=5000) as client:
        facades = [client.send, type(client.send)(client.send.s3)]

        def work(k: int) -> None:
            for n in range(500):
                facades[n % 2].s3(bucket="b", prefix=f"p{k}", payload=f"{k} {n}")
            client.flush(PATIENCE)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.stats().accepted == 4000
        senders = {r.sender_id for r in service.requests() if r.sender_id}
        assert len(senders) == 1
    assert sorted(service.taken) == sorted(f"{k} {n}".encode() for k in range(8) for n in range(500))


def test_two_clients_are_two_senders() -> None:
    with Service() as service:
        for _ in range(2):
            with connect(service.target) as client:
                client.send.s3(bucket="b", payload="same")
        assert len({r.sender_id for r in service.requests()}) == 2
    assert service.taken == [b"same", b"same"]


@pytest.mark.parametrize(
    ("code", "reason"), [("INVALID_ARGUMENT", "SEQUENCE_TOO_FAR"), ("PERMISSION_DENIED", "")]
)
def test_a_refusal_ends_the_client(code: str, reason: str) -> None:
    end = End(1, 0, getattr(grpc.StatusCode, code), reason)
    failed: list[DestinationsError] = []
    with Service([end]) as service:
        client = connect(service.target, on_rejected=failed.append)
        sent = client.send.s3(bucket="b", payload="x")
        error = sent.exception(PATIENCE)
        assert isinstance(error, ClientFailedError)
        assert (error.code, error.reason, error.message) == (code, reason, "as told")
        for call in (lambda: client.send.s3(bucket="b", payload="y"), client.flush):
            with pytest.raises(ClientFailedError):
                call()
        eventually(lambda: failed == [error])
        assert client.close() == client.close()
        with pytest.raises(ClientFailedError), client:
            pass


@pytest.mark.parametrize(
    "answer",
    [
        api.StreamS3Response(sequence=2),
        api.StreamS3Response(sequence=1, rejections=[api.Rejection(sequence=1, request_index=1)]),
        api.StreamS3Response(sequence=1, rejections=[api.Rejection(sequence=7)]),
    ],
)
def test_an_answer_that_breaks_the_api_ends_the_client(answer: api.StreamS3Response) -> None:
    with Service(answer=lambda _: answer) as service:
        client = connect(service.target)
        error = client.send.s3(bucket="b", payload="x").exception(PATIENCE)
        assert isinstance(error, ClientFailedError)
        client.close()


def test_a_closed_client_takes_nothing() -> None:
    with Service() as service:
        client = connect(service.target)
        client.close()
        with pytest.raises(ClosedError):
            client.send.s3(bucket="b", payload="x")
        with pytest.raises(ClosedError):
            client.flush()


def test_what_on_rejected_raises_is_ignored() -> None:
    def broken(error: DestinationsError) -> None:
        raise RuntimeError(str(error))

    with Service() as service, connect(service.target, on_rejected=broken) as client:
        client.send.s3(bucket="b", payload="a\nb")
        client.send.s3(bucket="b", payload="x").result(PATIENCE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_breaks_fails_the_client() -> None:
    with Service() as service:
        client = connect(service.target)

        def broken() -> None:
            raise ZeroDivisionError

        client._sender.session.channel = broken  # type: ignore[method-assign]
        with pytest.raises(ClientFailedError, match="ZeroDivisionError"):
            client.send.s3(bucket="b", payload="x").result(PATIENCE)
        client.close()
