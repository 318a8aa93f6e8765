"""Options that are refused, targets that are this machine, endings of streams."""

from typing import Any

import pytest

from open_destinations import InvalidOptionError, Tls, aio, connect
from open_destinations._ending import Ending, Verdict
from open_destinations._target import is_local


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"max_buffered_bytes": 0}, "max_buffered_bytes"),
        ({"max_buffered_bytes": 1.5}, "max_buffered_bytes"),
        ({"when_full": "drop"}, "when_full"),
        ({"batch_bytes": (4 << 20) + 1}, "batch_bytes"),
        ({"batch_delay": -1}, "batch_delay"),
        ({"max_streams": True}, "max_streams"),
        ({"max_streams": 65}, "max_streams"),
        ({"keepalive_time": 5}, "keepalive_time"),
        ({"reconnect_initial": 2, "reconnect_max": 1}, "reconnect_max"),
        ({"receipts": "yes"}, "receipts"),
        ({"insecure": True, "tls": Tls()}, "insecure"),
        ({"tls": Tls(cert=b"c")}, "tls"),
        ({"credentials": "no"}, "credentials"),
        ({"token": 7}, "token"),
        ({"serializer": 7}, "serializer"),
        ({"on_rejected": 7}, "on_rejected"),
        ({"no_such": 1}, "no_such"),
    ],
)
@pytest.mark.parametrize("make", [connect, aio.connect])
def test_refused(make: Any, options: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        make("localhost:1", **options)
    assert caught.value.option == name
    assert name in str(caught.value)


def test_a_token_is_not_sent_in_plaintext_to_another_machine() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        connect("example.com:1", token="secret", insecure=True)
    assert caught.value.option == "token"
    assert "secret" not in str(caught.value)
    connect("example.com:1", token="secret").close()


def test_no_target() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        connect("")
    assert caught.value.option == "target"


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "LOCALHOST",
        "127.0.0.1:1",
        "127.8.9.1",
        "[::1]:1",
        "::1",
        "unix:/a",
        "unix:///a",
        "unix-abstract:a",
        "dns:///localhost:1",
        "dns:localhost:1",
        "dns://8.8.8.8/localhost:1",
        "ipv4:127.0.0.1:1",
        "ipv6:[::1]:1",
        "ipv4:127.0.0.1:1,127.0.0.2:1",
    ],
)
def test_local(target: str) -> None:
    assert is_local(target)


@pytest.mark.parametrize(
    "target",
    [
        "example.com:1",
        "10.0.0.1:1",
        "localhost.example.com:1",
        "[::2]:1",
        "0.0.0.0:1",
        "dns:///example.com",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
        "dns://localhost/example.com:1",
        "xds:///localhost",
    ],
)
def test_not_local(target: str) -> None:
    assert not is_local(target)


AGAIN, TOO_LARGE, FAILED = Verdict.AGAIN, Verdict.TOO_LARGE, Verdict.FAILED


@pytest.mark.parametrize(
    ("ending", "want"),
    [
        (Ending("UNAVAILABLE", "STREAM_AGE"), AGAIN),
        (Ending("UNAVAILABLE"), AGAIN),
        (Ending("RESOURCE_EXHAUSTED", "JOURNAL_FULL"), AGAIN),
        (Ending("RESOURCE_EXHAUSTED", "RATE_EXCEEDED"), AGAIN),
        (Ending("RESOURCE_EXHAUSTED", "MEMORY_FULL"), AGAIN),
        (Ending("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS"), AGAIN),
        (Ending("RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE"), TOO_LARGE),
        (Ending("RESOURCE_EXHAUSTED", "", "received message larger than max"), TOO_LARGE),
        (Ending("RESOURCE_EXHAUSTED", "", "too many calls"), FAILED),
        (Ending("INTERNAL", "JOURNAL_BROKEN"), AGAIN),
        (Ending("INTERNAL", "MALFORMED_REQUEST"), FAILED),
        (Ending("OK"), AGAIN),
        (Ending("UNKNOWN"), AGAIN),
        (Ending("CANCELLED"), AGAIN),
        (Ending("INVALID_ARGUMENT", "SEQUENCE_TOO_FAR"), FAILED),
        (Ending("PERMISSION_DENIED"), FAILED),
        (Ending("UNIMPLEMENTED"), FAILED),
        (Ending("UNAUTHENTICATED"), FAILED),
    ],
)
def test_verdict(ending: Ending, want: Verdict) -> None:
    assert ending.verdict(token_may_change=False) is want


def test_another_token_may_be_better() -> None:
    assert Ending("UNAUTHENTICATED").verdict(token_may_change=True) is AGAIN
