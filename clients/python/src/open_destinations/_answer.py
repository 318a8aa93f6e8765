"""Reads the answers of a stream."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from ._proto import destinations_pb2 as api
from ._request import Request
from .errors import RejectedError

if TYPE_CHECKING:
    from ._lane import Lane, Outgoing

_CODE = "REJECTION_CODE_"


class BrokenAnswer(Exception):
    """An answer that the API does not allow."""


def read_answer(lane: Lane, outgoing: Outgoing, answer: api.StreamS3Response) -> list[Request]:
    """The requests that the answer settles; the lock is held. Raises BrokenAnswer."""
    if not outgoing.answered <= answer.sequence <= outgoing.sent:
        said = f"answer {answer.sequence} after {outgoing.answered}, of {outgoing.sent} requests"
        raise BrokenAnswer(said)
    outgoing.answered = answer.sequence
    for rejection in answer.rejections:
        _reject(lane, rejection)
    for receipt in answer.receipts:
        outgoing.tokens[receipt.bucket, receipt.prefix] = receipt.token
    done: list[Request] = []
    while (request := next(iter(lane.unanswered.values()), None)) is not None:
        if request.sequence > answer.sequence:
            break
        del lane.unanswered[request.sequence]
        lane.bytes -= request.size
        # The first one's receipts may have begun with the answer that ends before it.
        request.settle(outgoing.tokens if done else ChainMap(outgoing.tokens, outgoing.tokens_before))
        done.append(request)
    if done:
        outgoing.tokens, outgoing.tokens_before = {}, outgoing.tokens
    if not lane.unanswered:
        lane.rest()
    return done


def _reject(lane: Lane, rejection: api.Rejection) -> None:
    request = lane.unanswered.get(rejection.sequence)
    if request is None or rejection.request_index >= request.count:
        at = f"{rejection.sequence}/{rejection.request_index}"
        raise BrokenAnswer(f"a rejection of an event that is not under way: {at}")
    code = api.RejectionCode.Name(rejection.code) if rejection.code in _KNOWN else str(rejection.code)
    error = RejectedError(code.removeprefix(_CODE), rejection.field, rejection.reason)
    request.rejections[rejection.request_index] = error


_KNOWN = frozenset(api.RejectionCode.values())
