"""Streams: more of them under load, fewer afterwards."""

import pytest

from open_destinations import _lane, connect

from .service import PATIENCE, Service, eventually

BIG = "x" * 300_000


@pytest.mark.parametrize("most", [1, 3])
def test_more_under_load(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lane, "IDLE", 0.05)
    with Service() as service, connect(service.target, max_streams=most) as client:
        service.gate.clear()
        for n in range(40):  # 12 MB, of which a stream has 1 MiB before there is another one
            client.send.s3(bucket="b", payload=f"{n}{BIG}")
        eventually(lambda: service.streams() == most)
        service.gate.set()
        client.flush(PATIENCE)
        assert service.streams() == most
        eventually(lambda: client.stats().streams == 1)
        client.send.s3(bucket="b", payload="after").result(PATIENCE)
        assert client.stats().reconnects == 0
    assert len(service.taken) == 41


def test_a_little_load_is_one_stream() -> None:
    with Service() as service, connect(service.target) as client:
        for n in range(300):
            client.send.s3(bucket="b", payload=f"{n}").result(PATIENCE)
        assert service.streams() == 1
