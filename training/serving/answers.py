"""One request being answered: a token of each of its completions at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from training.grpo.rollouts import candidate, text_tokens
from training.rewards import Candidate
from training.rollout import Completion, Sampling
from training.rollout.engine import Streams
from training.serving.requests import Ask
from training.serving.text import Unfolding
from training.tasks import Problem
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Question:
    """What a request comes to."""

    ask: Ask
    prompt: str
    tokens: list[int]
    max_tokens: int
    problem: Problem

    def about(self) -> dict[str, Any]:
        known = self.problem.answer or None
        return {"prompt": self.prompt, "max_tokens": self.max_tokens, "answer": known}


@dataclass
class Answer:
    """Yields what is told of the answer; `completions` are there when it has been told whole."""

    question: Question
    engine: Streams
    tokenizer: TextTokenizer
    completions: dict[int, Completion] = field(default_factory=dict)

    def candidates(self) -> list[Candidate]:
        longest = self.question.max_tokens
        ended = [self.completions[number] for number in sorted(self.completions)]
        return [candidate(completion, self.tokenizer, longest) for completion in ended]

    def events(self) -> Iterator[dict[str, Any]]:
        ask, question = self.question.ask, self.question
        texts = [Unfolding(self.tokenizer, ask.stop) for _ in range(ask.n)]
        counts = [0] * ask.n
        for news in self._stream():
            for number, tokens in sorted(news.items()):
                counts[number] += len(tokens)
                ended = self.completions.get(number)
                told = texts[number]
                text = told.add(tokens) if ended is None else told.end(text_tokens(ended))
                yield {"type": "text", "index": number, "text": text, "tokens": counts[number]}
                if ended is not None:
                    yield {"type": "ended", "index": number, "reason": ended.finish_reason}
        written = sum(counts)
        yield {"type": "usage", "prompt_tokens": len(question.tokens), "tokens": written}

    def _stream(self) -> Iterator[dict[int, list[int]]]:
        ask = self.question.ask
        return self.engine.stream(
            self.question.tokens,
            count=ask.n,
            sampling=Sampling(
                self.question.max_tokens,
                temperature=ask.temperature,
                top_p=ask.top_p,
                stop=tuple(ask.stop),
            ),
            seed=ask.seed,
            eos_id=self.tokenizer.eos_id,
            done=self.completions.__setitem__,
        )
