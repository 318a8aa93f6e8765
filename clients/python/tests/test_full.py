"""The buffer is full: waiting, waiting for a while, and an error, with threads."""

import threading
import time

import pytest

from open_destinations import BufferFullError, Client, connect

from .service import PATIENCE, Service, eventually

SIZE = 100  # what an event counts here


def send(client: Client) -> None:
    client.send.s3(bucket="b", payload="x" * (SIZE - 65))


def test_wait() -> None:
    with Service() as service, connect(service.target, max_buffered_bytes=10 * SIZE) as client:
        service.gate.clear()
        for _ in range(10):
            send(client)
        waiting = [threading.Thread(target=send, args=(client,)) for _ in range(15)]
        for thread in waiting:
            thread.start()
        eventually(lambda: len(client._sender.line) == 15)
        assert client.stats().buffered_bytes == 10 * SIZE
        service.gate.set()
        for thread in waiting:
            thread.join(PATIENCE)
        client.flush(PATIENCE)
        assert client.stats().accepted == 25


def test_block() -> None:
    options = {"max_buffered_bytes": 10 * SIZE, "when_full": "block", "block_timeout": 0.05}
    with Service() as service, connect(service.target, **options) as client:  # type: ignore[arg-type]
        service.gate.clear()
        for _ in range(10):
            send(client)
        begun = time.monotonic()
        with pytest.raises(BufferFullError) as caught:
            send(client)
        assert time.monotonic() - begun >= 0.05
        assert (caught.value.limit, caught.value.held) == (10 * SIZE, 10 * SIZE)
        service.gate.set()
        client.flush(PATIENCE)
        send(client)
        client.flush(PATIENCE)
        assert client.stats().accepted == 11


def test_error() -> None:
    with (
        Service() as service,
        connect(service.target, max_buffered_bytes=10 * SIZE, when_full="error") as client,
    ):
        service.gate.clear()
        for _ in range(10):
            send(client)
        with pytest.raises(BufferFullError):
            send(client)
        service.gate.set()
        client.flush(PATIENCE)
        send(client)


def test_one_event_is_taken_by_an_empty_buffer_whatever_its_size() -> None:
    with (
        Service() as service,
        connect(service.target, max_buffered_bytes=1, when_full="error") as client,
    ):
        client.send.s3(bucket="b", payload="x" * 5000).result(PATIENCE)
    assert service.taken == [b"x" * 5000]
