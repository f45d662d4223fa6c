"""Answers requests side by side, each a token at a time in turn.

Requests are sampled each by itself: what one gets never depends on who asks beside it, to the last
bit. Sequences of one request are one batch.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TextIO

from training.rollout.engine import SamplingError
from training.serving.answers import Answer, Question
from training.serving.requests import Ask, Cancel, Problems, RefusedError, Request, read
from training.serving.served import Served

SIDE_BY_SIDE = 4
"""Requests that are answered at once; more wait for their turn."""


@dataclass(frozen=True)
class _Active:
    answer: Answer
    events: Iterator[dict[str, Any]]

    @property
    def id(self) -> str:
        return self.answer.question.ask.id


class Server:
    def __init__(self, served: Served, lines: TextIO, out: TextIO) -> None:
        self._served, self._out = served, out
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._writing = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._active: deque[_Active] = deque()
        self._open = True
        threading.Thread(target=self._read, args=(lines,), name="requests", daemon=True).start()

    def run(self) -> None:
        """Until the input ends; what is being answered then is left."""
        while self._open:
            self._take()
            self._begin()
            if self._active:
                self._step(self._active.popleft())

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            self._lines.put(line)
        self._lines.put(None)

    def _take(self) -> None:
        """Read what has been asked; wait for it when there is nothing to do."""
        while self._open and not (self._lines.empty() and (self._active or self._waiting)):
            line = self._lines.get()
            if line is None:
                self._open = False
            elif line.strip():
                self._hear(line)

    def _hear(self, line: str) -> None:
        try:
            request = read(line)
        except RefusedError as error:
            self._refuse(_id_of(line), error)
            return
        try:
            self._do(request)
        except RefusedError as error:
            self._refuse(request.id, error)

    def _do(self, request: Request) -> None:
        match request:
            case Ask():
                self._waiting.append(self._served.question(request))
            case Problems():
                found = [
                    {"number": number, "question": one.question, "answer": one.answer}
                    for number, one in enumerate(self._served.problems(request.count))
                ]
                self._tell(request.id, type="problems", problems=found)
            case Cancel():
                self._waiting = deque(q for q in self._waiting if q.ask.id != request.id)
                self._active = deque(each for each in self._active if each.id != request.id)
                self._tell(request.id, type="cancelled")

    def _begin(self) -> None:
        while self._waiting and len(self._active) < SIDE_BY_SIDE:
            question = self._waiting.popleft()
            answer = Answer(question, self._served.engine, self._served.tokenizer)
            self._tell(question.ask.id, type="began", **question.about())
            self._active.append(_Active(answer, answer.events()))

    def _step(self, active: _Active) -> None:
        """Tell what one step of the model brings, and put the request behind the others."""
        try:
            event = next(active.events, None)
        except SamplingError as error:
            self._refuse(active.id, error)
            return
        if event is None:
            self._finish(active.answer)
            return
        self._tell(active.id, **event)
        self._active.append(active)

    def _finish(self, answer: Answer) -> None:
        ask, run = answer.question.ask, self._served.run
        if not ask.score or run is None:
            self._tell(ask.id, type="done", rewards=None)
            return
        run.scoring.score(
            answer.question.problem,
            answer.candidates(),
            known=ask.problem is not None,
            told=lambda rewards: self._tell(ask.id, type="done", rewards=rewards),
        )

    def _refuse(self, request_id: str | None, error: Exception) -> None:
        self._tell(request_id, type="refused", message=str(error))

    def _tell(self, request_id: str | None, **event: Any) -> None:
        with self._writing:
            self._out.write(json.dumps({"id": request_id, **event}) + "\n")
            self._out.flush()


def _id_of(line: str) -> str | None:
    """Whom to tell of a line that is no request."""
    try:
        given = json.loads(line)
    except ValueError:
        return None
    found = given.get("id") if isinstance(given, dict) else None
    return found if isinstance(found, str) else None
