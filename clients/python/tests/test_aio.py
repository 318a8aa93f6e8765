"""The client for asyncio."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from open_destinations import (
    BufferFullError,
    ClientFailedError,
    ClosedError,
    DestinationsError,
    Left,
    RejectedError,
    SerializationError,
    UnansweredError,
    aio,
)
from open_destinations import TimeoutError as OurTimeoutError

from .service import PATIENCE, End, Service

SIZE = 100  # what an event counts here


def run(body: Callable[[Service], Awaitable[None]], service: Service | None = None) -> Service:
    with service or Service() as running:
        asyncio.run(asyncio.wait_for(body(running), 2 * PATIENCE))
        return running


def send(client: aio.Client) -> "asyncio.Future[aio.Receipt]":
    return client.send.s3(bucket="b", payload="x" * (SIZE - 65))


async def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def test_receipts_and_rejections() -> None:
    async def body(service: Service) -> None:
        failed: list[DestinationsError] = []
        async with aio.connect(service.target, on_rejected=failed.append) as client:
            good = [client.send.s3(bucket="b", prefix="p", payload={"n": n}) for n in range(100)]
            bad = client.send.s3(bucket="b", payload="two\nlines")
            receipts = await asyncio.gather(*good)
            assert {(r.bucket, r.prefix) for r in receipts} == {("b", "p/")}
            with pytest.raises(RejectedError) as caught:
                await bad
            assert caught.value.code == "PAYLOAD_LINE_BREAK"
            assert failed == [caught.value]
            await client.flush(PATIENCE)
            assert client.stats().accepted == 100

    assert len(run(body).taken) == 100


def test_a_call_never_raises_and_nobody_need_look(caplog: pytest.LogCaptureFixture) -> None:
    async def body(service: Service) -> None:
        async with aio.connect(service.target) as client:
            client.send.s3(bucket="b", payload="two\nlines")
            client.send.s3(bucket="b", payload=object())
            client.send.s3(bucket="", payload="x")
            unserializable = client.send.s3(bucket="b", payload=object())
            assert isinstance(unserializable.exception(), SerializationError)
        assert isinstance(client.send.s3(bucket="b", payload="x").exception(), ClosedError)

    with caplog.at_level(logging.DEBUG):
        run(body)
        gc.collect()
    assert [r for r in caplog.records if r.name == "asyncio" and r.levelno > logging.DEBUG] == []


def test_a_promise_that_was_cancelled_is_nobody_elses_trouble() -> None:
    async def body(service: Service) -> None:
        async with aio.connect(service.target) as client:
            first, second = send(client), send(client)
            first.cancel()
            await second

    assert len(run(body).taken) == 2


def test_wait_in_line() -> None:
    async def body(service: Service) -> None:
        service.gate.clear()
        async with aio.connect(service.target, max_buffered_bytes=10 * SIZE) as client:
            sent = [send(client) for _ in range(25)]
            assert client.stats().buffered_bytes == 10 * SIZE
            assert all(isinstance(s.exception(), BufferFullError) for s in sent[20:])
            service.gate.set()
            await asyncio.gather(*sent[:20])

    assert len(run(body).taken) == 20


def test_ready_keeps_the_line_empty() -> None:
    async def body(service: Service) -> None:
        async with aio.connect(service.target, max_buffered_bytes=10 * SIZE) as client:
            sent = []
            for _ in range(500):
                await client.ready()
                sent.append(send(client))
                assert not client._sender.line
            await asyncio.gather(*sent)

    assert len(run(body).taken) == 500


def test_block_and_error() -> None:
    async def body(service: Service) -> None:
        service.gate.clear()
        options = {"max_buffered_bytes": 10 * SIZE, "when_full": "block", "block_timeout": 0.05}
        async with aio.connect(service.target, **options) as client:  # type: ignore[arg-type]
            for _ in range(10):
                send(client)
            with pytest.raises(BufferFullError):
                await send(client)
            service.gate.set()
            await client.flush(PATIENCE)
        options["when_full"] = "error"
        service.gate.clear()
        async with aio.connect(service.target, **options) as client:  # type: ignore[arg-type]
            for _ in range(10):
                send(client)
            assert isinstance(send(client).exception(), BufferFullError)
            service.gate.set()

    assert len(run(body).taken) == 20


def test_flush_and_close_have_time_outs() -> None:
    async def body(service: Service) -> None:
        service.gate.clear()
        client = aio.connect(service.target)
        sent = [send(client) for _ in range(10)]
        with pytest.raises(OurTimeoutError):
            await client.flush(0.01)
        closed = await asyncio.gather(client.close(0.05), client.close())
        assert list(closed) == [Left(10, 10 * SIZE)] * 2
        assert all(isinstance(s.exception(), UnansweredError) for s in sent)
        with pytest.raises(ClosedError):
            await client.ready()

    run(body)


def test_close_sends_what_is_in_the_line() -> None:
    async def body(service: Service) -> None:
        client = aio.connect(service.target, max_buffered_bytes=2 * SIZE)
        sent = [send(client) for _ in range(4)]
        assert await client.close(PATIENCE) == Left(0, 0)
        assert all(s.exception() is None for s in sent)

    assert len(run(body).taken) == 4


def test_a_close_that_is_cancelled_still_ends_everything() -> None:
    async def body(service: Service) -> None:
        service.gate.clear()
        client = aio.connect(service.target)
        sent = send(client)
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await until(lambda: client._sender.left == Left(1, SIZE))
        await until(sent.done)

    run(body)


def test_with_raises_what_is_left_or_failed() -> None:
    async def left(service: Service) -> None:
        service.gate.clear()
        with pytest.raises(UnansweredError):
            async with aio.connect(service.target, close_timeout=0.01) as client:
                send(client)

    async def failed(service: Service) -> None:
        with pytest.raises(ClientFailedError):
            async with aio.connect(service.target) as client:
                send(client)

    run(left)
    run(failed, Service([End(1, 0, grpc.StatusCode.PERMISSION_DENIED)]))


def test_resets() -> None:
    async def body(service: Service) -> None:
        options: dict[str, Any] = {"batch_bytes": 2000, "reconnect_initial": 0.001, "reconnect_max": 0.01}
        async with aio.connect(service.target, **options) as client:
            sent = [client.send.s3(bucket="b", payload=f"{n}") for n in range(2000)]
            await asyncio.gather(*sent)

    service = run(body, Service([End(n % 5, n % 3) for n in range(20)]))
    assert sorted(service.taken) == sorted(b"%d" % n for n in range(2000))


def test_another_target() -> None:
    async def body(one: Service) -> None:
        with Service() as two:
            async with aio.connect(one.target) as client:
                await send(client)
                one.gate.clear()
                send(client)
                await until(lambda: len(one.requests()) == 2)
                with pytest.raises(OurTimeoutError):
                    await client.set_target(two.target, 0.01)
                one.gate.set()
                await client.set_target(two.target, PATIENCE)
                await send(client)
            assert (len(one.taken), len(two.taken)) == (2, 1)

    run(body)


def test_a_client_is_of_one_loop() -> None:
    with Service() as service:
        client = aio.connect(service.target)

        async def one() -> None:
            await send(client)

        asyncio.run(one())
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(one())
        assert client._sender.close(PATIENCE).events == 0
