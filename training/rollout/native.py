"""The native sampler: the whole batch a token at a time from a cache of compressed latents.

Each distinct prompt is read once and its latents are copied to all completions of its group.
Prompts are aligned to the right, so that all sequences write the same column of the cache; rows of
finished sequences are dropped.

B sequences, T columns of the cache, P prompts, N packed tokens, D hidden_size, V vocab_size,
S steps, X latent width.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from training.model import Transformer
from training.model.packing import pack
from training.rollout.decoder import Decoder, LatentCache
from training.rollout.engine import Completion
from training.rollout.sampling import draw, noise

COMPACT_SHARE = 0.125
"""Drop finished rows once they are this share of the batch: earlier, copying the cache costs more
than the dead rows do."""
ROW_MULTIPLE = 16
"""Rows of a matrix tile: fewer than these cost the same, and few distinct batch sizes let the
matrix library reuse its plans."""


class SamplingError(RuntimeError):
    """The policy cannot be sampled from; the message says why."""


@dataclass
class _Running:
    """The sequences still being written; `ids_B` are their places in the result."""

    ids_B: Tensor
    alive_B: Tensor
    tokens_B: Tensor
    positions_B: Tensor
    cache: LatentCache

    def drop_finished(self, eos_id: int | None) -> bool:
        """Note the end of sequences; true when none is left."""
        if eos_id is None:
            return False
        self.alive_B &= self.tokens_B != eos_id
        alive, batch = int(self.alive_B.sum()), len(self.alive_B)
        kept = -(-alive // ROW_MULTIPLE) * ROW_MULTIPLE
        if 0 < kept <= (1 - COMPACT_SHARE) * batch:
            rows = self.alive_B.sort(descending=True, stable=True).indices[:kept]
            self.ids_B, self.alive_B = self.ids_B[rows], self.alive_B[rows]
            self.tokens_B, self.positions_B = self.tokens_B[rows], self.positions_B[rows]
            self.cache.keep(rows)
        return alive == 0


class NativeEngine:
    """Samples from `model` as it is at the moment of the call, in its own dtype."""

    def __init__(self, model: Transformer) -> None:
        self.model = model

    @torch.inference_mode()
    def generate(
        self,
        prompts: list[list[int]],
        *,
        group_size: int = 1,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int,
        eos_id: int | None,
    ) -> list[Completion]:
        """See `Engine.generate`. Raises `SamplingError` when a prompt is empty or does not leave
        room for `max_new_tokens`, and when the model produces numbers that are not finite."""
        self._check(prompts, max_new_tokens)
        count = len(prompts) * group_size
        decoder = Decoder(self.model)
        noise_SB = noise(count, max_new_tokens, seed).to(self.model.head.weight.device)
        tokens_SB = torch.zeros(max_new_tokens, count, dtype=torch.long, device=noise_SB.device)
        logprobs_SB = torch.zeros(max_new_tokens, count, device=noise_SB.device)
        running, logits_BV = self._prefill(prompts, group_size)
        for step in range(max_new_tokens):
            running.tokens_B, logprobs_B = draw(
                logits_BV, noise_SB[step, running.ids_B], temperature, top_p
            )
            tokens_SB[step, running.ids_B] = running.tokens_B
            logprobs_SB[step, running.ids_B] = logprobs_B
            if step + 1 == max_new_tokens or running.drop_finished(eos_id):
                break
            logits_BV = decoder.step(running.tokens_B, running.positions_B, running.cache)
            running.positions_B = running.positions_B + 1
        return _completions(tokens_SB, logprobs_SB, eos_id)

    def _check(self, prompts: list[list[int]], max_new_tokens: int) -> None:
        limit = self.model.config.max_position_embeddings
        for index, prompt in enumerate(prompts):
            if not prompt:
                raise SamplingError(f"prompt {index} is empty: give at least one token")
            if len(prompt) + max_new_tokens > limit:
                raise SamplingError(
                    f"prompt {index} has {len(prompt)} tokens: with max_new_tokens "
                    f"{max_new_tokens} it exceeds max_position_embeddings ({limit})"
                )

    def _prefill(self, prompts: list[list[int]], group_size: int) -> tuple[_Running, Tensor]:
        """Read all prompts and spread them to their groups; logits [B, V] of the first token."""
        model = self.model
        device, dtype = model.head.weight.device, model.head.weight.dtype
        lengths_P = torch.tensor([len(prompt) for prompt in prompts], device=device)
        longest = int(lengths_P.max())
        valid_PT = torch.arange(longest, device=device) >= longest - lengths_P[:, None]
        tokens_PT = torch.zeros(len(prompts), longest, dtype=torch.long, device=device)
        tokens_PT[valid_PT] = torch.tensor(list(itertools.chain(*prompts)), device=device)
        packed = pack(tokens_PT, valid_PT)
        layout = packed.by_head(model.config.num_attention_heads)
        rotation = model.rope(packed.positions_N, dtype)
        x_ND = model.embedding(packed.tokens_N)
        latents_LPTX = []
        for block in model.blocks:
            queries, *latents = block.attention.compress(block.attention_norm(x_ND), rotation)
            x_ND = x_ND + block.attention.attend(queries, *latents, layout)
            x_ND = x_ND + block.feed_forward(block.feed_forward_norm(x_ND))
            latents_NX = torch.cat(latents, dim=-1)
            latents_PTX = latents_NX.new_zeros(*valid_PT.shape, latents_NX.shape[1])
            latents_PTX[valid_PT] = latents_NX[: packed.count]
            latents_LPTX.append(latents_PTX)
        logits_PV = model.logits(model.norm(x_ND[lengths_P.cumsum(0) - 1]))
        running = _Running(
            ids_B=torch.arange(len(prompts) * group_size, device=device),
            alive_B=torch.ones(len(prompts) * group_size, dtype=torch.bool, device=device),
            tokens_B=torch.empty(0, dtype=torch.long, device=device),
            positions_B=lengths_P.repeat_interleave(group_size),
            cache=LatentCache(
                torch.stack(latents_LPTX).repeat_interleave(group_size, dim=1),
                valid_PT.repeat_interleave(group_size, dim=0),
            ),
        )
        return running, logits_PV.repeat_interleave(group_size, dim=0)


def _completions(tokens_SB: Tensor, logprobs_SB: Tensor, eos_id: int | None) -> list[Completion]:
    if not bool(logprobs_SB.isfinite().all()):
        raise SamplingError("the model's output is not finite: its weights have diverged")
    completions = []
    for tokens, logprobs in zip(tokens_SB.T.tolist(), logprobs_SB.T.tolist(), strict=True):
        stopped = eos_id is not None and eos_id in tokens
        length = tokens.index(eos_id) + 1 if stopped else len(tokens)
        completions.append(
            Completion(tokens[:length], logprobs[:length], "stop" if stopped else "length")
        )
    return completions
