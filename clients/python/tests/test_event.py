"""What a call checks, and how it serialises."""

from typing import Any

import pytest

from open_destinations import DestinationsError, RejectedError, SerializationError
from open_destinations._event import MAX_PAYLOAD, MISSING, make


@pytest.mark.parametrize(
    ("payload", "want"),
    [
        ("Grüße\n", "Grüße\n".encode()),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ("", b""),
        (None, b"null"),
        ({"a": [1, 2.5, True, "ü"]}, '{"a":[1,2.5,true,"ü"]}'.encode()),
    ],
)
def test_payload(payload: object, want: bytes) -> None:
    assert make("b", None, payload, None, None).payload == want


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "payload", [object(), {"secret": object()}, float("nan"), CYCLE, {1, 2}, "\ud800", {"a": "\ud800"}]
)
def test_payload_that_cannot_be_serialised(payload: object) -> None:
    with pytest.raises(SerializationError) as caught:
        make("b", None, payload, None, None)
    assert caught.value.field == "payload"
    assert caught.value.reason
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (("", None, "x", None), "BUCKET_INVALID", "bucket"),
        ((MISSING, None, "x", None), "BUCKET_INVALID", "bucket"),
        ((None, None, "x", None), "BUCKET_INVALID", "bucket"),
        (("\ud800", None, "x", None), "BUCKET_INVALID", "bucket"),
        (("b", 7, "x", None), "PREFIX_INVALID", "prefix"),
        (("b", None, "x", 7), "ID_INVALID", "id"),
        (("b", None, "x", "\ud800"), "ID_INVALID", "id"),
        (("b", None, MISSING, None), "PAYLOAD_EMPTY", "payload"),
        (("b", None, b"x" * (MAX_PAYLOAD + 1), None), "PAYLOAD_TOO_LARGE", "payload"),
    ],
)
def test_field_that_is_wrong(arguments: tuple[Any, Any, Any, Any], code: str, field: str) -> None:
    with pytest.raises(RejectedError) as caught:
        make(*arguments, None)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert field in caught.value.reason


def test_serializer() -> None:
    assert make("b", None, 7, None, lambda value: repr([value]).encode()).payload == b"[7]"
    assert make("b", None, "text", None, lambda _: b"no").payload == b"text"
    wrong: Any = lambda _: "str"  # noqa: E731
    with pytest.raises(SerializationError, match="str, not bytes"):
        make("b", None, 7, None, wrong)


def test_size() -> None:
    assert make("bb", "ppp", "ü", "i", None).size == 2 + 3 + 2 + 1 + 64


def test_errors_are_of_one_kind() -> None:
    assert issubclass(RejectedError, DestinationsError)
    assert issubclass(SerializationError, DestinationsError)
