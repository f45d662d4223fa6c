"""Sequences that begin with the same prompt share its computation and change no number."""

import torch
from torch import Tensor

from tests.tolerance import GRADIENT, relative_difference
from tests.training.model.random_models import build
from training.model import ModelConfig, completion_logprobs
from training.model.packing import pack

PROMPTS = [[5, 6, 7, 8, 9], [5, 6, 7], [11]]
GROUP = 4


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    """Groups of each prompt, shuffled, with completions of 1 to 9 tokens; right-padded."""
    generator = torch.Generator().manual_seed(0)
    starts = [prompt for prompt in PROMPTS for _ in range(GROUP)]
    order = torch.randperm(len(starts), generator=generator).tolist()
    starts = [starts[place] for place in order]
    lengths = torch.randint(1, 10, (len(starts),), generator=generator).tolist()
    rows = [
        start + torch.randint(0, 97, (length,), generator=generator).tolist()
        for start, length in zip(starts, lengths, strict=True)
    ]
    longest = max(map(len, rows))
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    steps_T = torch.arange(longest)
    mask_BT = steps_T < torch.tensor([len(row) for row in rows])[:, None]
    scored_BT = mask_BT & (steps_T >= torch.tensor([len(start) for start in starts])[:, None])
    return tokens_BT, mask_BT, scored_BT


def test_each_prompt_is_in_the_row_once() -> None:
    tokens_BT, mask_BT, scored_BT = _batch()
    packed = pack(tokens_BT, mask_BT, (mask_BT & ~scored_BT).sum(1))
    assert packed.count == sum(map(len, PROMPTS)) + int(scored_BT.sum())
    there_BT = packed.tokens_N[packed.rows_BT[:, : tokens_BT.shape[1]]]
    assert torch.equal(there_BT[mask_BT], tokens_BT[mask_BT])


def test_values_and_gradients_are_those_of_one_sequence_at_a_time(config: ModelConfig) -> None:
    shared, alone = build(config), build(config)
    batch = _batch()
    logprobs_BT = completion_logprobs(shared, *batch).logprobs_BT
    weights_BT = torch.linspace(-1, 1, logprobs_BT.numel()).view_as(logprobs_BT)
    (logprobs_BT * weights_BT).sum().backward()
    for row in range(len(batch[0])):
        one = [part[row : row + 1] for part in batch]
        single_1T = completion_logprobs(alone, *one).logprobs_BT
        torch.testing.assert_close(single_1T, logprobs_BT[row : row + 1].detach())
        (single_1T * weights_BT[row]).sum().backward()
    pairs = zip(shared.named_parameters(), alone.parameters(), strict=True)
    for (name, parameter), reference in pairs:
        assert relative_difference(parameter.grad, reference.grad) < GRADIENT[torch.float32], name
