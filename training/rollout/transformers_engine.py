"""The sampler for models that transformers computes: a token at a time from its key-value cache.

Each prompt is read once and its cache is copied to all completions of its group. Prompts are
padded on the left, so that all sequences write the same column; finished sequences are dropped.

B sequences, P prompts, T columns, V vocabulary, S steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.model.causal_lm import CausalLM
from training.rollout.engine import Completion, Done, Guesses, Sampling, check_prompts, completions
from training.rollout.sampling import draw, noise, noise_keys

DROP_SHARE = 0.125
"""Drop finished rows once they are this share of the batch: dropping copies the whole cache."""


class TransformersEngine:
    """Samples from `model` as it is at the moment of the call, in its own dtype."""

    def __init__(self, model: CausalLM) -> None:
        self.model, self.guesses = model, Guesses(0, 0)

    @torch.no_grad()  # not inference mode: some models keep rotary tables made here for training
    def generate(
        self,
        prompts: list[list[int]],
        *,
        group_size: int = 1,
        sampling: Sampling,
        seeds: list[int],
        eos_id: int | None,
        done: Done | None = None,
    ) -> list[Completion]:
        """See `Engine.generate`; the model's own end tokens end a sequence beside `eos_id`, unless
        that is None. Raises `SamplingError` as the native engine does."""
        limit = getattr(self.model.config, "max_position_embeddings", None)
        max_new_tokens, settings = sampling.max_new_tokens, (sampling.temperature, sampling.top_p)
        check_prompts(prompts, seeds, max_new_tokens, limit)
        device = self.model.head.weight.device
        stops = sorted(self.model.eos_ids | {eos_id}) if eos_id is not None else []
        stops_E = torch.tensor(stops, dtype=torch.long, device=device)
        count = len(prompts) * group_size
        keys_B = noise_keys(seeds, group_size).to(device)
        tokens_SB = torch.zeros(max_new_tokens, count, dtype=torch.long, device=device)
        logprobs_SB = torch.zeros(max_new_tokens, count, device=device)
        ids_B = torch.arange(count, device=device)
        alive_B = torch.ones(count, dtype=torch.bool, device=device)
        mask_BT, cache, logits_BV = self._prefill(prompts, group_size)
        for step in range(max_new_tokens):
            tokens_B, logprobs_B = draw(logits_BV, noise(keys_B[ids_B], step), *settings)
            tokens_SB[step, ids_B], logprobs_SB[step, ids_B] = tokens_B, logprobs_B
            alive_B &= ~torch.isin(tokens_B, stops_E)
            alive = int(alive_B.sum())
            if alive == 0 or step + 1 == max_new_tokens:
                break
            if alive <= (1 - DROP_SHARE) * len(alive_B):
                ids_B, mask_BT, tokens_B = ids_B[alive_B], mask_BT[alive_B], tokens_B[alive_B]
                cache.batch_select_indices(alive_B)
                alive_B = alive_B[alive_B]
            mask_BT = torch.cat((mask_BT, mask_BT.new_ones(len(mask_BT), 1)), dim=1)
            logits_BV = self._last_logits(tokens_B[:, None], mask_BT, cache)
        return completions(tokens_SB, logprobs_SB, set(stops), done)

    def _prefill(self, prompts: list[list[int]], group_size: int) -> tuple[Tensor, Any, Tensor]:
        """Read all prompts and spread them to their groups: mask [B, T], cache and the logits
        [B, V] of the first token."""
        from transformers import DynamicCache  # noqa: PLC0415 - takes 3 s; loaded with the model

        device = self.model.head.weight.device
        lengths_P1 = torch.tensor([[len(prompt)] for prompt in prompts])
        longest = int(lengths_P1.max())
        rows = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
        tokens_PT = torch.tensor(rows, device=device)
        mask_PT = (torch.arange(longest) >= longest - lengths_P1).to(device)
        cache = DynamicCache(config=self.model.config)
        logits_PV = self._last_logits(tokens_PT, mask_PT, cache)
        cache.batch_repeat_interleave(group_size)
        mask_BT = mask_PT.repeat_interleave(group_size, dim=0)
        return mask_BT, cache, logits_PV.repeat_interleave(group_size, dim=0)

    def _last_logits(self, tokens_BT: Tensor, mask_BT: Tensor, cache: Any) -> Tensor:
        output = self.model.read(tokens_BT, mask_BT, cache)
        return self.model.logits(output.last_hidden_state[:, -1])
