"""The native sampler: the whole batch a token at a time from a cache of compressed latents.

Each distinct prompt is read once and its latents are copied to all completions of its group.
Prompts are aligned to the right, so that all sequences write the same column of the cache; rows of
finished sequences are dropped.

B sequences, T columns of the cache, P prompts, N packed tokens, D hidden_size, H heads,
C kv_lora_rank, R qk_rope_head_dim, X = C + R, S steps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model import Transformer
from training.model.attention import Rotation
from training.model.block import Block
from training.model.packing import pack
from training.model.rope import rotate
from training.rollout.decode_weights import DecodeWeights, absorb
from training.rollout.engine import Completion
from training.rollout.sampling import draw, noise

COMPACT_SHARE = 0.125
"""Drop finished rows once they are this share of the batch: earlier, copying the cache costs more
than the dead rows do."""


class SamplingError(RuntimeError):
    """The policy cannot be sampled from; the message says why."""


@dataclass
class _Running:
    """The sequences still being written; `ids_B` are their places in the result."""

    ids_B: Tensor
    alive_B: Tensor
    tokens_B: Tensor
    positions_B: Tensor
    cache_LBTX: Tensor
    mask_BT: Tensor
    """0 where a column belongs to the sequence, -inf left of its prompt."""

    def keep(self, rows: Tensor) -> None:
        self.ids_B, self.alive_B = self.ids_B[rows], self.alive_B[rows]
        self.tokens_B = self.tokens_B[rows]
        self.positions_B, self.mask_BT = self.positions_B[rows], self.mask_BT[rows]
        self.cache_LBTX = self.cache_LBTX.index_select(1, rows)


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
        weights = [absorb(block.attention) for block in self._blocks()]
        noise_SB = noise(count, max_new_tokens, seed).to(self.model.head.weight.device)
        tokens_SB = torch.zeros(max_new_tokens, count, dtype=torch.long, device=noise_SB.device)
        logprobs_SB = torch.zeros(max_new_tokens, count, device=noise_SB.device)
        running, hidden_BD = self._prefill(prompts, group_size, max_new_tokens)
        first = running.mask_BT.shape[1] - max_new_tokens
        for step in range(max_new_tokens):
            running.tokens_B, logprobs_B = draw(
                self.model.logits(hidden_BD), noise_SB[step, running.ids_B], temperature, top_p
            )
            tokens_SB[step, running.ids_B] = running.tokens_B
            logprobs_SB[step, running.ids_B] = logprobs_B
            if step + 1 == max_new_tokens or self._drop_finished(running, eos_id):
                break
            hidden_BD = self._decode(running, weights, column=first + step)
        return _completions(tokens_SB, logprobs_SB, eos_id)

    def _blocks(self) -> list[Block]:
        return [block for block in self.model.blocks if isinstance(block, Block)]

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

    def _prefill(
        self, prompts: list[list[int]], group_size: int, max_new_tokens: int
    ) -> tuple[_Running, Tensor]:
        """Latents of all prompts, spread to their groups, and the last hidden states [B, D]."""
        model, config = self.model, self.model.config
        device, dtype = model.head.weight.device, model.head.weight.dtype
        lengths_P = torch.tensor([len(prompt) for prompt in prompts], device=device)
        longest = int(lengths_P.max())
        valid_PT = torch.arange(longest, device=device) >= longest - lengths_P[:, None]
        tokens_PT = torch.zeros(len(prompts), longest, dtype=torch.long, device=device)
        tokens_PT[valid_PT] = torch.tensor(list(itertools.chain(*prompts)), device=device)
        width = config.kv_lora_rank + config.qk_rope_head_dim
        columns = longest + max_new_tokens
        cache_LPTX = torch.zeros(
            len(model.blocks), len(prompts), columns, width, dtype=dtype, device=device
        )
        packed = pack(tokens_PT, valid_PT)
        x_ND = model.embedding(packed.tokens_N)
        rotation = model.rope(packed.positions_N, dtype)
        layout = packed.by_head(config.num_attention_heads)
        for layer, block in enumerate(self._blocks()):
            queries, *latents = block.attention.compress(block.attention_norm(x_ND), rotation)
            cache_LPTX[layer, :, :longest][valid_PT] = torch.cat(latents, dim=-1)
            x_ND = x_ND + block.attention.attend(queries, *latents, layout)
            x_ND = x_ND + block.feed_forward(block.feed_forward_norm(x_ND))
        hidden_PD = model.norm(x_ND[lengths_P.cumsum(0) - 1])
        mask_PT = torch.zeros(len(prompts), columns, dtype=dtype, device=device)
        mask_PT[:, :longest].masked_fill_(~valid_PT, -torch.inf)
        running = _Running(
            ids_B=torch.arange(len(prompts) * group_size, device=device),
            alive_B=torch.ones(len(prompts) * group_size, dtype=torch.bool, device=device),
            tokens_B=torch.empty(0, dtype=torch.long, device=device),
            positions_B=lengths_P.repeat_interleave(group_size),
            cache_LBTX=cache_LPTX.repeat_interleave(group_size, dim=1),
            mask_BT=mask_PT.repeat_interleave(group_size, dim=0),
        )
        return running, hidden_PD.repeat_interleave(group_size, dim=0)

    def _drop_finished(self, running: _Running, eos_id: int | None) -> bool:
        """Note the end of sequences; true when none is left."""
        if eos_id is None:
            return False
        running.alive_B &= running.tokens_B != eos_id
        alive = int(running.alive_B.sum())
        if alive and alive <= (1 - COMPACT_SHARE) * len(running.alive_B):
            running.keep(running.alive_B.nonzero().squeeze(1))
        return alive == 0

    def _decode(self, running: _Running, weights: list[DecodeWeights], column: int) -> Tensor:
        """Read the newest token of every running sequence; hidden states [B, D]."""
        model = self.model
        x_BD = model.embedding(running.tokens_B)
        rotation = model.rope(running.positions_B, x_BD.dtype)
        mask_B11T = running.mask_BT[:, None, None, : column + 1]
        for layer, block in enumerate(self._blocks()):
            cache_BTX = running.cache_LBTX[layer, :, : column + 1]
            x_BD = _attend(x_BD, block, weights[layer], cache_BTX, mask_B11T, rotation)
            x_BD = x_BD + block.feed_forward(block.feed_forward_norm(x_BD))
        running.positions_B = running.positions_B + 1
        return model.norm(x_BD)


def _attend(
    x_BD: Tensor,
    block: Block,
    weights: DecodeWeights,
    cache_BTX: Tensor,
    mask_B11T: Tensor,
    rotation: Rotation,
) -> Tensor:
    """Residual stream after absorbed attention; writes the last column of the cache."""
    config, (cos_BR, sin_BR) = block.attention.config, rotation
    heads, latent, rope = config.num_attention_heads, config.kv_lora_rank, config.qk_rope_head_dim
    h_BD = block.attention_norm(x_BD)
    *q_source, latent_BC, k_rope_BR = (h_BD @ weights.down).split(weights.down_sizes, dim=-1)
    cache_BTX[:, -1, :latent] = block.attention.kv_norm(latent_BC)
    cache_BTX[:, -1, latent:] = rotate(k_rope_BR, cos_BR, sin_BR)
    q_in = block.attention.q_norm(q_source[0]) if q_source else h_BD
    q_BHX = (q_in @ weights.query).unflatten(1, (heads, latent + rope))
    q_BHX[..., latent:] = rotate(q_BHX[..., latent:], cos_BR[:, None], sin_BR[:, None])
    # All heads share the one latent "key" of a token: heads stand where SDPA expects queries.
    out_B1HX = F.scaled_dot_product_attention(
        q_BHX[:, None], cache_BTX[:, None], cache_BTX[:, None],
        attn_mask=mask_B11T, scale=config.softmax_scale,
    )  # fmt: skip
    return torch.addmm(x_BD, out_B1HX.flatten(1), weights.out)


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
