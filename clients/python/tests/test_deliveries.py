"""What became of events, for threads and for tasks."""

import asyncio
import threading

import pytest

from open_destinations import (
    ClientFailedError,
    ClosedError,
    DeadError,
    DestinationsError,
    Receipt,
    RejectedError,
    Status,
    _deliveries,
    aio,
    connect,
)
from open_destinations import TimeoutError as OurTimeoutError
from open_destinations._proto import deliveries_pb2 as api
from open_destinations.status import status_of

from .service import PATIENCE, Service


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_deliveries.Question.__init__, "__defaults__", (0.01, False))


def receipt(client: object, prefix: str) -> Receipt:
    return client.send.s3(bucket="b", prefix=prefix, payload="x").result(PATIENCE)  # type: ignore[attr-defined, no-any-return]


def test_status_and_delivered() -> None:
    states = {"b/p/1": ["PENDING", "UPLOADING", "BLOCKED", "DELIVERED"]}
    with Service(states=states) as service, connect(service.target) as client:
        got = receipt(client, "p")
        status = got.status()
        assert (status.state, status.objects) == ("PENDING", ())
        status = got.delivered(PATIENCE)
        assert status.state == "DELIVERED"
        assert [(o.bucket, o.key, o.size, o.events) for o in status.objects] == [("b", "key of b/p/1", 5, 1)]
        assert len(service.asked) == 4


def test_dead_unknown_and_away() -> None:
    states = {"b/dead/1": ["DEAD"], "b/gone/2": [""], "b/away/3": ["AWAY", "AWAY", "DELIVERED"]}
    with Service(states=states) as service, connect(service.target) as client:
        dead, gone, away = (receipt(client, p) for p in ("dead", "gone", "away"))
        with pytest.raises(DeadError) as caught:
            dead.delivered(PATIENCE)
        assert caught.value.status.code == "AccessDenied"
        assert dead.status().state == "DEAD"
        with pytest.raises(ClientFailedError) as refused:
            gone.delivered(PATIENCE)
        assert (refused.value.code, refused.value.reason) == ("NOT_FOUND", "TOKEN_UNKNOWN")
        assert away.delivered(PATIENCE).state == "DELIVERED"
        receipt(client, "still works")


def test_many_share_the_calls_and_a_bad_one_is_alone() -> None:
    service = Service()
    with service, connect(service.target) as client:
        receipts = [receipt(client, f"p{n}") for n in range(64)]
        service.states = {receipts[17].token: [""]}
        got: dict[int, Status | DestinationsError] = {}

        def wait(n: int) -> None:
            try:
                got[n] = receipts[n].delivered(PATIENCE)
            except DestinationsError as error:
                got[n] = error

        threads = [threading.Thread(target=wait, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert isinstance(got.pop(17), ClientFailedError)
        assert all(isinstance(s, Status) for s in got.values())
        assert len(service.asked) < 64


def test_time_out_and_close() -> None:
    states = {"b/p/1": ["PENDING"]}
    with Service(states=states) as service:
        client = connect(service.target)
        got = receipt(client, "p")
        with pytest.raises(OurTimeoutError):
            got.delivered(0.05)
        caught: list[BaseException] = []

        def wait() -> None:
            try:
                got.delivered()
            except ClosedError as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        client.close()
        thread.join(PATIENCE)
        assert len(caught) == 1
        with pytest.raises(ClosedError):
            got.status()


def test_without_receipts() -> None:
    with Service() as service, connect(service.target, receipts=False) as client:
        got = receipt(client, "p")
        assert not service.requests()[0].receipts
        got.token = ""
        with pytest.raises(RejectedError):
            got.status()


def test_asyncio() -> None:
    async def body(service: Service) -> None:
        async with aio.connect(service.target) as client:
            sent = [client.send.s3(bucket="b", prefix=f"p{n}", payload="x") for n in range(50)]
            receipts = await asyncio.gather(*sent)
            service.states = {receipts[0].token: ["PENDING", "DELIVERED"], receipts[1].token: ["DEAD"]}
            assert (await receipts[0].status()).state == "PENDING"
            with pytest.raises(DeadError):
                await receipts[1].delivered(PATIENCE)
            done = await asyncio.gather(*(r.delivered(PATIENCE) for r in receipts if r is not receipts[1]))
            assert {s.state for s in done} == {"DELIVERED"}
            service.states = {receipts[2].token: ["PENDING"]}
            with pytest.raises(OurTimeoutError):
                await receipts[2].delivered(0.05)
            waiting = asyncio.ensure_future(receipts[2].delivered())
            await asyncio.sleep(0)
        with pytest.raises(ClosedError):
            await waiting

    with Service() as service:
        asyncio.run(body(service))


def test_a_state_of_a_later_api_is_its_number() -> None:
    assert status_of(api.Delivery(state=99)).state == "99"  # type: ignore[arg-type]
