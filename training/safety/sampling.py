"""What a model says to the prompts of a set."""

from __future__ import annotations

from collections.abc import Sequence

from training.grpo.rollouts import text_of
from training.rollout import Engine, Sampling
from training.safety.examine import Sampled
from training.safety.prompts import Prompt
from training.tasks import Problem
from training.tasks.template import Template
from training.tokenizer import TextTokenizer


def sample(
    engine: Engine,
    tokenizer: TextTokenizer,
    template: Template,
    prompts: Sequence[tuple[int, Prompt]],
    sampling: Sampling,
    *,
    positions: int | None,
    batch: int,
    seed: int,
) -> list[Sampled]:
    """One completion of each prompt, `batch` at a time. A prompt comes with its number in the set,
    which its luck follows from; one that leaves no room in the model's `positions` has none."""
    texts = [template(Problem(prompt.prompt, "")) for _, prompt in prompts]
    tokens = [tokenizer.encode_prompt(text) for text in texts]
    limit = None if positions is None else positions - sampling.max_new_tokens
    fit = [place for place, each in enumerate(tokens) if limit is None or len(each) <= limit]
    said: dict[int, str] = {}
    for start in range(0, len(fit), batch):
        places = fit[start : start + batch]
        completions = engine.generate(
            [tokens[place] for place in places],
            sampling=sampling,
            seeds=[seed + prompts[place][0] for place in places],
            eos_id=tokenizer.eos_id,
        )
        said |= {
            place: text_of(one, tokenizer) for place, one in zip(places, completions, strict=True)
        }
    reason = "the prompt has {} tokens: the model has {} positions, {} of them for the answer"
    return [
        Sampled(prompt, said[place])
        if place in said
        else Sampled(
            prompt, None, reason.format(len(tokens[place]), positions, sampling.max_new_tokens)
        )
        for place, (_, prompt) in enumerate(prompts)
    ]
