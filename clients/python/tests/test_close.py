"""The end of a client, with and without time, and how it goes on with another target."""

import threading
from collections.abc import Callable

import pytest

from open_destinations import (
    ClosedError,
    DestinationsError,
    Left,
    UnansweredError,
    connect,
)
from open_destinations import TimeoutError as OurTimeoutError

from .service import PATIENCE, Service, eventually


def test_with_time_all_is_answered() -> None:
    with Service() as service:
        client = connect(service.target, batch_delay=60)
        sent = [client.send.s3(bucket="b", payload=f"{n}") for n in range(100)]
        assert client.close(PATIENCE) == Left(0, 0)
        assert all(s.exception(0) is None for s in sent)
        assert client.close() == Left(0, 0)
    assert len(service.taken) == 100


def test_without_time_it_says_what_is_left() -> None:
    failed: list[DestinationsError] = []
    with Service() as service:
        service.gate.clear()
        client = connect(service.target, on_rejected=failed.append)
        sent = [client.send.s3(bucket="b", payload="x") for _ in range(10)]
        left = client.close(0.05)
        assert left == Left(10, 10 * (1 + 1 + 64))
        for s in sent:
            with pytest.raises(UnansweredError) as caught:
                s.result(0)
            assert (caught.value.events, caught.value.bytes) == (10, 660)
        assert len(failed) == 10
        assert client.close() == left


def test_with_raises_what_is_left_but_not_over_another_error() -> None:
    with Service() as service:
        service.gate.clear()
        with pytest.raises(UnansweredError), connect(service.target, close_timeout=0.01) as client:
            client.send.s3(bucket="b", payload="x")
        with pytest.raises(ZeroDivisionError), connect(service.target, close_timeout=0.01) as client:
            client.send.s3(bucket="b", payload=[client.send.s3(bucket="b", payload="x"), 1 // 0])


def test_a_second_close_waits_for_the_first() -> None:
    with Service() as service:
        service.gate.clear()
        client = connect(service.target)
        client.send.s3(bucket="b", payload="x")
        got: list[Left] = []
        threads = [threading.Thread(target=lambda: got.append(client.close(PATIENCE))) for _ in range(3)]
        for thread in threads:
            thread.start()
        eventually(lambda: client._sender.closing)
        assert got == []
        service.gate.set()
        for thread in threads:
            thread.join()
        assert got == [Left(0, 0)] * 3


def test_a_close_that_is_interrupted_ends_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-C, behind which the end of the process closes it once more."""
    with Service() as service:
        service.gate.clear()
        client = connect(service.target)
        sent = client.send.s3(bucket="b", payload="x")

        def interrupted(begin: Callable[[], object], timeout: float | None) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(client._sender, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.close()
        assert client.close() == Left(1, 66)
        assert isinstance(sent.exception(0), UnansweredError)


def test_close_wakes_who_waits_for_room() -> None:
    with Service() as service:
        service.gate.clear()
        client = connect(service.target, max_buffered_bytes=100)
        client.send.s3(bucket="b", payload="x" * 50)
        caught: list[BaseException] = []

        def wait() -> None:
            try:
                client.send.s3(bucket="b", payload="y")
            except ClosedError as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        eventually(lambda: len(client._sender.line) == 1)
        assert client.close(0.01) == Left(1, 115)
        thread.join()
        assert len(caught) == 1


def test_another_target() -> None:
    with Service() as one, Service() as two, connect(one.target) as client:
        client.send.s3(bucket="b", payload="1").result(PATIENCE)
        one.gate.clear()
        client.send.s3(bucket="b", payload="2")
        eventually(lambda: len(one.requests()) == 2)
        with pytest.raises(OurTimeoutError):
            client.set_target(two.target, 0.01)
        changed = threading.Thread(target=client.set_target, args=(two.target, PATIENCE))
        changed.start()
        eventually(lambda: client._sender.session.draining)
        later = client.send.s3(bucket="b", payload="3")
        one.gate.set()
        changed.join()
        later.result(PATIENCE)
        assert (one.taken, two.taken) == ([b"1", b"2"], [b"3"])
        assert one.requests()[0].sender_id != two.requests()[0].sender_id
        assert two.requests()[0].sequence == 1
