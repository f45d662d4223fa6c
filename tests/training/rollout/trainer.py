"""What the trainer says about sampled completions."""

import torch

from training.model import Transformer, completion_logprobs
from training.rollout import Completion


def trainer_logprobs(
    model: Transformer,
    prompts: list[list[int]],
    completions: list[Completion],
    group_size: int,
    temperature: float,
) -> torch.Tensor:
    """The training forward's log-probabilities of all sampled tokens, one after another."""
    starts = [len(prompts[index // group_size]) for index in range(len(completions))]
    rows = [
        prompts[index // group_size] + completion.tokens
        for index, completion in enumerate(completions)
    ]
    longest = max(len(row) for row in rows)
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    steps_T = torch.arange(longest)
    mask_BT = steps_T < torch.tensor([len(row) for row in rows])[:, None]
    scored_BT = mask_BT & (steps_T >= torch.tensor(starts)[:, None])
    with torch.no_grad():
        scores = completion_logprobs(model, tokens_BT, mask_BT, scored_BT, temperature)
    return scores.logprobs_BT[scored_BT]
