"""The hand-made encoding says what the generated code says."""

import random

import pytest

from open_destinations import _wire
from open_destinations._event import make
from open_destinations._proto import destinations_pb2 as api
from open_destinations._request import MAX_ENCODED, Request

SIZES = [1, 100, 127, 128, 400, 4000, 16383, 16384, 70000]


@pytest.mark.parametrize("seed", range(20))
def test_request_is_what_the_generated_code_writes(seed: int) -> None:
    rng = random.Random(seed)
    request = Request(1, 0)
    want = api.StreamS3Request(bucket="first", prefix="ä/", sequence=seed + 1, settled=seed * 1000)
    for i in range(rng.randint(1, 40)):
        places = [("first", "ä/"), ("first", ""), ("other", "p"), ("other", "")]
        bucket, prefix = places[0] if i == 0 else rng.choice(places)
        id_ = rng.choice([None, "id-1", "ü" * 60])
        payload = rng.randbytes(rng.choice(SIZES))
        request.add(make(bucket, prefix, payload, id_, None))
        event = want.events.add(payload=payload, id=id_ or "")
        if (bucket, prefix) != ("first", "ä/"):
            event.bucket = bucket
            if prefix:
                event.prefix = prefix
    request.cut(seed + 1, None)  # type: ignore[arg-type]
    got = request.body + _wire.numbers(seed + 1, seed * 1000) + _wire.first(b"s" * 16, True)
    want.sender_id, want.receipts = b"s" * 16, True
    assert api.StreamS3Request.FromString(got) == want
    assert len(got) == want.ByteSize()


@pytest.mark.parametrize("n", [0, 1, 127, 128, 4095, 4096, 16384, 2**32, 2**63])
def test_varint(n: int) -> None:
    assert api.StreamS3Request.FromString(b"\x20" + _wire.varint(n)).sequence == n


def test_a_request_stays_below_what_the_service_takes() -> None:
    request, batch = Request(1, 0), 4 << 20
    trace = b"t" * 400
    while True:
        event = make("b" * 63, "p" * 100, b"", None, None)
        event.fields = _wire.rest(b"", trace, trace)
        if not request.has_room(event, batch):
            break
        request.add(event)
    request.cut(1, None)  # type: ignore[arg-type]
    assert MAX_ENCODED - 2000 < len(request.body) < 4 << 20
