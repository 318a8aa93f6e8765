"""Asks the service what became of events. Many who wait share the calls."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from ._ending import Ending, Verdict, ending_of
from ._proto import deliveries_pb2 as api
from .errors import ClientFailedError, ClosedError, DeadError, DestinationsError
from .status import Status, status_of

if TYPE_CHECKING:
    from ._session import Session

METHOD = "/destinations.v1.Deliveries/GetDelivery"
MAX_TOKENS = 1000  # in one call
TOGETHER = 0.1  # s: who is due so soon is asked for in the same call
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.5, 1.5, 10.0
CALL_TIMEOUT = 20.0  # s
LINGER = 1.0  # s that the thread stays when nobody waits


@dataclass(order=True, slots=True)
class Question:
    """What became of the events of a token?

    once: any state is an answer; if not, only DELIVERED and DEAD are. then: called once,
    in the asking thread, with the answer or the error.
    """

    due: float
    number: int
    token: str = field(compare=False)
    once: bool = field(compare=False)
    then: Callable[[Status | DestinationsError], None] = field(compare=False)
    pause: float = field(compare=False, default=FIRST_PAUSE)
    dropped: bool = field(compare=False, default=False)


class Deliveries:
    """The questions of one session. It has a lock and a thread of its own; the thread is
    there as long as somebody waits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changed = threading.Condition()
        self._questions: list[Question] = []
        self._number = 0
        self._thread: threading.Thread | None = None
        self._suspended = self._ended = False
        self._call: grpc.Future | None = None

    def ask(self, token: str, once: bool, then: Callable[[Status | DestinationsError], None]) -> Question:
        """Asks until there is an answer, or until it is dropped."""
        with self._changed:
            self._number += 1
            question = Question(time.monotonic(), self._number, token, once, then)
            ended = self._ended
            if not ended:
                heapq.heappush(self._questions, question)
                self._start()
                self._changed.notify_all()
        if ended:
            then(ClosedError())
        return question

    def drop(self, question: Question) -> None:
        """Nobody waits for it any longer."""
        with self._changed:
            question.dropped = True
            self._changed.notify_all()

    def suspend(self, patience: float | None) -> None:
        """Ends the thread, for which it waits so many seconds, and keeps the questions."""
        with self._changed:
            self._suspended = True
            thread, call = self._thread, self._call
            self._changed.notify_all()
        if call is not None:
            call.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def resume(self) -> None:
        """Goes on after suspend."""
        with self._changed:
            self._suspended = False
            self._start()

    def end(self) -> None:
        """Whoever still waits is told that the client is closed; after suspend."""
        with self._changed:
            self._ended = True
            questions, self._questions = self._questions, []
        for question in questions:
            if not question.dropped:
                question.then(ClosedError())

    def renew(self) -> None:
        """Begins anew in a child process, where nobody waits."""
        self._changed = threading.Condition()
        self._questions = []
        self._thread = self._call = None
        self._suspended = False

    def _start(self) -> None:
        if self._questions and self._thread is None and not self._suspended:
            self._thread = threading.Thread(target=self._run, name="destinations-deliveries", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (questions := self._next()) is not None:
            for question, answer in self._answers(questions):
                self._tell(question, answer)

    def _next(self) -> list[Question] | None:
        """The questions of the next call; None: the thread ends."""
        with self._changed:
            until = time.monotonic() + LINGER
            while not self._suspended:
                now = time.monotonic()
                self._forget_dropped()
                if self._questions:
                    due = self._questions[0].due
                    if due <= now:
                        return self._due(now + TOGETHER)
                    self._changed.wait(due - now)
                    until = time.monotonic() + LINGER
                elif now >= until:
                    break
                else:
                    self._changed.wait(until - now)
            self._thread = None
            return None

    def _forget_dropped(self) -> None:
        while self._questions and self._questions[0].dropped:
            heapq.heappop(self._questions)

    def _due(self, until: float) -> list[Question]:
        questions: list[Question] = []
        while self._questions and self._questions[0].due <= until and len(questions) < MAX_TOKENS:
            question = heapq.heappop(self._questions)
            if not question.dropped:
                questions.append(question)
        return questions

    def _answers(self, questions: list[Question]) -> list[tuple[Question, Status | Ending]]:
        """Asks. Of a call that is refused each half is asked for by itself, so that one bad
        token is nobody else's trouble."""
        if not questions:
            return []
        got = self._ask([q.token for q in questions])
        if not isinstance(got, Ending):
            return list(zip(questions, got, strict=True))
        if len(questions) == 1 or got.verdict(self._token_may_change()) is Verdict.AGAIN:
            return [(question, got) for question in questions]
        half = len(questions) // 2
        return self._answers(questions[:half]) + self._answers(questions[half:])

    def _token_may_change(self) -> bool:
        return callable(self._session.sender.settings.token)

    def _ask(self, tokens: list[str]) -> list[Status] | Ending:
        metadata = self._session.metadata()
        if isinstance(metadata, Ending):
            return metadata
        with self._changed:
            if self._suspended:
                return Ending("CANCELLED")
        with self._session.sender.lock:
            channel = self._session.channel()
        method = channel.unary_unary(
            METHOD,
            api.GetDeliveryRequest.SerializeToString,
            api.GetDeliveryResponse.FromString,
        )
        with self._changed:
            if self._suspended:
                return Ending("CANCELLED")
            call = self._call = method.future(
                api.GetDeliveryRequest(tokens=tokens), timeout=CALL_TIMEOUT, metadata=metadata
            )
        try:
            got = [status_of(delivery) for delivery in call.result().deliveries]
        except grpc.RpcError as error:
            return ending_of(error)
        except grpc.FutureCancelledError:
            return Ending("CANCELLED")
        finally:
            with self._changed:
                self._call = None
        if len(got) != len(tokens):
            return Ending("INTERNAL", "MALFORMED", f"{len(got)} answers for {len(tokens)} tokens")
        return got

    def _tell(self, question: Question, answer: Status | Ending) -> None:
        """Tells who has asked, or asks again after a pause."""
        if isinstance(answer, Ending):
            if answer.verdict(self._token_may_change()) is not Verdict.AGAIN:
                question.then(ClientFailedError(answer.code, answer.reason, answer.message))
                return
        elif question.once or answer.state == "DELIVERED":
            question.then(answer)
            return
        elif answer.state == "DEAD":
            question.then(DeadError(answer))
            return
        with self._changed:
            question.due = time.monotonic() + question.pause
            question.pause = min(question.pause * GROWTH, LONGEST_PAUSE)
            heapq.heappush(self._questions, question)
