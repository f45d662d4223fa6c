"""The text that the base model is pretrained on: arithmetic, written by several hands.

Nothing is downloaded. Most documents are a prompt in R1's template with somebody's completion,
right or wrong; the rest is plain sums. No held-out question occurs, neither as a prompt nor as a
plain sum. Document `index` of a seed is the same for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from training.config import ReasoningGymConfig
from training.config.schema.reasoning_gym import ReasoningGymName
from training.corpus.authors import UNRELIABLE, Author, Sum, careful
from training.tasks import build_task, is_held_out
from training.tasks.template import r1_prompt

PLAIN_SHARE = 0.05
"""Share of the documents that are plain sums without a template."""
COMMON_SHARE = 0.9
"""Share of the problems that are two terms of two digits; the rest has 2 or 3 terms of 1 to 3."""
_TOKENIZER_DOCUMENTS = 20_000
_TOKENIZER_QUESTIONS = 500
_TOKENIZER_TASKS: tuple[ReasoningGymName, ...] = (
    "chain_sum", "basic_arithmetic", "products", "gcd", "lcm", "decimal_chain_sum", "count_bits",
)  # fmt: skip


def document(seed: int, index: int, careful_share: float) -> str:
    """One document. `careful_share` of those in the template are right throughout."""
    rng = Random(f"corpus/{seed}/{index}")  # noqa: S311 - text, not secrets
    if rng.random() < PLAIN_SHARE:
        return "\n".join(_plain(rng) for _ in range(rng.randint(2, 6)))
    problem = _problem(rng)
    return r1_prompt(question(problem)) + _author(rng, careful_share)(problem, rng)


def question(problem: Sum) -> str:
    """The question as reasoning-gym's chain_sum asks it."""
    return f"State the final answer to the following arithmetic problem: {problem.text} ="


def tokenizer_texts(seed: int, careful_share: float) -> Iterator[str]:
    """What the tokenizer learns from: documents, and how reasoning-gym's other tasks ask."""
    for index in range(_TOKENIZER_DOCUMENTS):
        yield document(seed, index, careful_share)
    for name in _TOKENIZER_TASKS:
        task = build_task(ReasoningGymConfig(name=name))
        for index in range(_TOKENIZER_QUESTIONS):
            yield r1_prompt(task.training_problem(seed, index).question)


def _plain(rng: Random) -> str:
    problem = _problem(rng)
    return f"{problem.text} = {problem.result}"


def _problem(rng: Random) -> Sum:
    while True:
        common = rng.random() < COMMON_SHARE
        count, digits = (2, 2) if common else (rng.choice((2, 2, 3)), rng.randint(1, 3))
        lowest = 10 ** (digits - 1) if digits > 1 else 0
        terms = [rng.randint(lowest, 10**digits - 1) for _ in range(count)]
        problem = Sum(terms, [rng.choice("+-") for _ in range(count - 1)])
        if not is_held_out(question(problem)):
            return problem


def _author(rng: Random, careful_share: float) -> Author:
    if rng.random() < careful_share:
        return careful
    return rng.choices(list(UNRELIABLE), list(UNRELIABLE.values()))[0]
