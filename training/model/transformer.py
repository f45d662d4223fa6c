"""The model: embedding, layers, final norm, output head.

B sequences, T time, N packed tokens, M positions, D hidden_size, V vocab_size, L sparse layers,
E routed experts, K of them for each token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.linear_logprob import linear_logprob
from training.model.balance import SequenceBalance
from training.model.block import Block
from training.model.config import ModelConfig
from training.model.experts import Experts
from training.model.mtp import MultiTokenPrediction
from training.model.norm import RMSNorm
from training.model.packing import Packed, pack
from training.model.rope import Rope
from training.model.router import Router


class Head(nn.Module):
    """Output projection: logits, or directly the log-probabilities of given tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocab_size, config.hidden_size))

    def forward(
        self,
        hidden_MD: Tensor,
        targets_M: Tensor,
        temperature: float = 1.0,
        *,
        frozen: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities [M] of `targets_M` and entropies [M] (nats), both fp32.

        With `frozen` the head's own weight gets no gradient.
        """
        weight_VD = self.weight.detach() if frozen else self.weight
        return linear_logprob(hidden_MD, weight_VD, targets_M, temperature)


class Transformer(nn.Module):
    """DeepSeek-V3-style language model on one device; fresh weights are N(0, initializer_range)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.rope = Rope(config)
        self.blocks = nn.ModuleList(Block(config, i) for i in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.head = Head(config)
        self.mtp = MultiTokenPrediction(config) if config.num_nextn_predict_layers else None
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=config.initializer_range)
        if config.tie_word_embeddings:
            self.head.weight = self.embedding.weight

    def forward(
        self,
        tokens: Tensor | Packed,
        attention_mask_BT: Tensor | None = None,
        *,
        balance: SequenceBalance | None = None,
        replayed_NLK: Tensor | None = None,
    ) -> Tensor:
        """Hidden states after the last norm.

        Given tokens [B, T] (long) and a mask, 1 at the tokens that count and 0 at padding on
        either side: [B, T, D], zeros at padding. Given a `Packed` batch: [N, D], fillers included;
        `balance`, of the same batch, then collects the layers' loss, and `replayed_NLK` are experts
        to take in each sparse layer (see `Router`).
        """
        if isinstance(tokens, Packed):
            return self._encode(tokens, balance, replayed_NLK)
        if attention_mask_BT is not None:
            attention_mask_BT = attention_mask_BT.bool()
        packed = pack(tokens, attention_mask_BT)
        hidden_ND = self._encode(packed)[: packed.count]
        if attention_mask_BT is None:
            return hidden_ND.view(*tokens.shape, -1)
        hidden_BTD = hidden_ND.new_zeros(*tokens.shape, hidden_ND.shape[-1])
        return hidden_BTD.masked_scatter(attention_mask_BT[..., None], hidden_ND)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary, [..., D] to [..., V]."""
        return F.linear(hidden, self.head.weight)

    def _encode(
        self,
        packed: Packed,
        balance: SequenceBalance | None = None,
        replayed_NLK: Tensor | None = None,
    ) -> Tensor:
        replayed = iter([] if replayed_NLK is None else replayed_NLK.unbind(1))
        x_ND = self.embedding(packed.tokens_N)
        rotation = self.rope(packed.positions_N, x_ND.dtype)
        layout = packed.by_head(self.config.num_attention_heads)
        for block in self.blocks:
            replayed_NK = next(replayed, None) if isinstance(block.feed_forward, Experts) else None
            x_ND = block(x_ND, rotation, layout, balance, replayed_NK)
        return self.norm(x_ND)


def expert_counts(model: nn.Module) -> Tensor:
    """Tokens that each expert received in training forwards since the last reset, int64 [L, E].

    Rows are the sparse layers from first to last; a model without any gives [0, 0].
    """
    counts = [router.counts_E for router in _routers(model)]
    return torch.stack(counts) if counts else torch.zeros(0, 0, dtype=torch.int64)


def reset_expert_counts(model: nn.Module) -> None:
    for router in _routers(model):
        router.counts_E.zero_()


def update_expert_bias(model: nn.Module, counts_LE: Tensor, gamma: float) -> None:
    """Auxiliary-loss-free balancing (V3 report, 2.1.2): bias of each overloaded expert down by
    `gamma`, of each underloaded one up. `counts_LE` are summed over all ranks."""
    for router, counts_E in zip(_routers(model), counts_LE.float(), strict=True):
        router.bias_E += gamma * torch.sign(counts_E.mean() - counts_E)


def _routers(model: nn.Module) -> list[Router]:
    return [module for module in model.modules() if isinstance(module, Router)]
