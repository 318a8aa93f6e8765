"""What a client leaves behind, and what becomes of it when its process forks or ends."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from open_destinations import aio, connect

from .service import PATIENCE, Service, eventually

MANY = 1000


def open_things() -> tuple[int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def assert_at_rest(before: tuple[int, int]) -> None:
    """The server's own connections and threads end a little later."""
    most = [n + 8 for n in before]
    eventually(lambda: all(n <= m for n, m in zip(open_things(), most, strict=True)), str(before))


def test_clients_leave_nothing() -> None:
    with Service() as service:

        def one(n: int) -> None:
            with connect(service.target) as client:
                client.send.s3(bucket="b", payload=f"{n}").result(PATIENCE)

        for n in range(70):  # all threads of the server's pool are there then
            one(n)
        before = open_things()
        for n in range(MANY):
            one(n)
        assert_at_rest(before)
        assert len(service.taken) == MANY + 70


def test_asyncio_clients_leave_nothing() -> None:
    async def body(service: Service) -> None:
        async def one(n: int) -> None:
            async with aio.connect(service.target) as client:
                await client.send.s3(bucket="b", payload=f"{n}")

        for n in range(70):
            await one(n)
        before, tasks = open_things(), len(asyncio.all_tasks())
        for n in range(MANY):
            await one(n)
        assert_at_rest(before)
        assert len(asyncio.all_tasks()) == tasks

    with Service() as service:
        asyncio.run(body(service))
        assert len(service.taken) == MANY + 70


# The server has to live in another process than the client that forks: its threads would
# not survive. So this file is run by itself, as "client" below.
SERVER = """
import sys
from tests.service import Service
with Service() as service:
    print(service.target, flush=True)
    sys.stdin.read()
    print(sorted(service.taken), flush=True)
    print(len({r.sender_id for r in service.requests() if r.sender_id}), flush=True)
"""

FORKING = """
import json, os, sys
from open_destinations import UnansweredError, connect

client = connect(sys.argv[1])
for n in range(200):
    client.send.s3(bucket="b", payload=f"before {n}")
mine = client.send.s3(bucket="b", payload="before last")
pids = []
for k in range(5):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert isinstance(mine.exception(0), UnansweredError | None)
            sent = [client.send.s3(bucket="b", payload=f"child {k} {n}") for n in range(50)]
            client.flush(20)
            assert all(s.exception(0) is None for s in sent)
            assert client.close().events == 0
            code = 0
        finally:
            os._exit(code)
    pids.append(pid)
    for n in range(50):
        client.send.s3(bucket="b", payload=f"parent {k} {n}")
client.flush(20)
assert mine.exception(0) is None
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
print(json.dumps([codes, client.close().events]))
"""

HERE = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE / 'src'}{os.pathsep}{HERE}"}


def python(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
        **options,
    )


def test_fork() -> None:
    with python(SERVER) as server:
        assert server.stdout is not None
        target = server.stdout.readline().strip()
        with python(FORKING, target) as client:
            out, err = client.communicate(timeout=60)
        assert client.returncode == 0, err
        assert json.loads(out) == [[0] * 5, 0]
        out, err = server.communicate(timeout=60)
        taken, senders = out.splitlines()
        want = [f"before {n}" for n in range(200)] + ["before last"]
        want += [f"{who} {k} {n}" for who in ("child", "parent") for k in range(5) for n in range(50)]
        assert taken == str(sorted(w.encode() for w in want))
        assert senders == "6"


def test_a_client_that_nobody_closes_is_closed_at_the_end() -> None:
    code = """
import sys
from open_destinations import connect
client = connect(sys.argv[1], batch_delay=60)
client.send.s3(bucket="b", payload="x")
"""
    with Service() as service:
        with python(code, service.target) as client:
            _, err = client.communicate(timeout=60)
        assert (client.returncode, err) == (0, "")
        assert service.taken == [b"x"]


def test_one_that_has_no_answer_then_is_told_of() -> None:
    code = """
import asyncio
from open_destinations import aio
async def main():
    client = aio.connect("localhost:1", close_timeout=0.1)
    client.send.s3(bucket="b", payload="x")
asyncio.run(main())
"""
    with python(code) as client:
        _, err = client.communicate(timeout=60)
    assert client.returncode == 0
    assert err == "1 events of 66 bytes were left without an answer\n"


def test_without_opentelemetry() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from open_destinations import connect
with connect(sys.argv[1]) as client:
    client.send.s3(bucket="b", payload="x")
"""
    with Service() as service:
        with python(code, service.target) as client:
            _, err = client.communicate(timeout=60)
        assert (client.returncode, err) == (0, "")
        assert service.requests()[0].events[0].traceparent == ""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell that runs the tests in its background lets them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_wait_for_room_takes_its_event_back() -> None:
    with Service() as service:
        service.gate.clear()
        client = connect(service.target, max_buffered_bytes=100, close_timeout=0.01)
        client.send.s3(bucket="b", payload="x" * 50)
        main = threading.main_thread().ident
        assert main is not None

        def interrupt() -> None:
            eventually(lambda: len(client._sender.line) == 1)
            signal.pthread_kill(main, signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            client.send.s3(bucket="b", payload="y")
        assert not client._sender.line
        client.close()
    assert service.taken == [b"x" * 50]
