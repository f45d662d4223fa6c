"""The sampler for models that transformers computes: a token at a time from its key-value cache.

Each prompt is read once for its group. All rows write the same column of the cache; a sequence may
begin at any, its prompt laid into the columns before.

B rows, P prompts, T columns, N heads of keys, H head width, D hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model.causal_lm import CausalLM
from training.rollout.engine import (
    Carry,
    Completion,
    Done,
    Guesses,
    Sampling,
    SamplingError,
    check_prompts,
)
from training.rollout.native import NO_EXPERTS
from training.rollout.order import Order
from training.rollout.prefill import Beginning, Waiting
from training.rollout.stopping import Decode
from training.rollout.writing import Rows, Running, stream, write


class KeyValueCache:
    """transformers' cache of a batch, and which of its columns each row sees."""

    compact_share = 0.125
    """Rows are given away or dropped when so many have ended: dropping copies the whole cache."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self.chosen: list[Tensor] = []
        """Experts of transformers' models are not told."""
        self.mask_BT = torch.zeros(rows, 0, dtype=torch.bool, device=device)
        self.cache = _empty_cache()

    @property
    def layers(self) -> list[Any]:
        layers: list[Any] = self.cache.layers
        return layers

    def place(self, groups: list[tuple[list[Tensor], Tensor]]) -> None:
        """Begin sequences anew: for each group the keys and values [N, T, H] of its prompt, layer
        by layer in turn, and its rows."""
        rows, columns = self.mask_BT.shape
        longest = max(kept[0].shape[1] for kept, _ in groups)
        if not self.layers:
            for number, (key_NTH, value_NTH) in enumerate(_pairs(groups[0][0])):
                self.cache.update(
                    *(x.new_zeros(rows, len(x), 0, x.shape[2]) for x in (key_NTH, value_NTH)),
                    number,
                )
        # Columns that nobody sees any more go; there must be enough for the longest prompt.
        seen_T = self.mask_BT.any(0)
        unused = int(seen_T.int().argmax()) if bool(seen_T.any()) else columns
        more = max(-unused, longest - columns)
        for layer in self.layers:
            layer.keys = F.pad(layer.keys, (0, 0, more, 0))
            layer.values = F.pad(layer.values, (0, 0, more, 0))
        self.mask_BT = F.pad(self.mask_BT, (more, 0))
        columns += more
        for kept, taken in groups:
            newest = slice(columns - kept[0].shape[1], columns)
            for layer, (key_NTH, value_NTH) in zip(self.layers, _pairs(kept), strict=True):
                layer.keys[taken, :, newest] = key_NTH
                layer.values[taken, :, newest] = value_NTH
            self.mask_BT[taken] = False
            self.mask_BT[taken, newest] = True

    def end(self, rows_B: Tensor) -> None:
        """Forget the sequences where `rows_B` is true; their rows stay."""
        self.mask_BT &= ~rows_B[:, None]

    def keep(self, rows: Tensor) -> None:
        """Drop all sequences but those with these numbers."""
        self.cache.batch_select_indices(rows)
        self.mask_BT = self.mask_BT[rows]

    def run(self, step: Callable[..., Any], *inputs: Tensor) -> Any:
        return step(*inputs, self)


def _pairs(kept: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(kept[::2], kept[1::2], strict=True))


def _empty_cache() -> Any:
    """A cache that keeps every column of every layer, so that any can be written to; a layer with a
    window masks what lies outside."""
    from transformers import DynamicCache  # noqa: PLC0415 - takes 3 s; loaded with the model

    return DynamicCache()


class Reader:
    """transformers' forward as the sampler wants it."""

    def __init__(self, model: CausalLM) -> None:
        self.model, self.logits = model, model.logits

    def read(self, tokens_B1: Tensor, _: Tensor, cache: KeyValueCache) -> Tensor:
        """Append `tokens_B1`; states [B, D]. Positions follow from what each row sees."""
        cache.mask_BT = F.pad(cache.mask_BT, (0, 1), value=True)
        output = self.model.read(tokens_B1, cache.mask_BT, cache.cache)
        hidden_BD: Tensor = output.last_hidden_state[:, -1]
        return hidden_BD

    def begin(self, texts: list[list[int]]) -> list[Beginning]:
        """Read `texts`, padded on the left."""
        device, longest = self.model.head.weight.device, max(map(len, texts))
        rows = [[0] * (longest - len(text)) + text for text in texts]
        lengths_P1 = torch.tensor([[len(text)] for text in texts])
        mask_PT = (torch.arange(longest) >= longest - lengths_P1).to(device)
        cache = _empty_cache()
        output = self.model.read(torch.tensor(rows, device=device), mask_PT, cache)
        kept = [x_PNTH for layer in cache.layers for x_PNTH in (layer.keys, layer.values)]
        return [
            Beginning(
                length=len(text),
                caches=[[x_PNTH[place, :, longest - len(text) :] for x_PNTH in kept]],
                hidden_D=output.last_hidden_state[place, -1],
            )
            for place, text in enumerate(texts)
        ]


class TransformersEngine:
    """Samples from `model` as it is at the moment of the call, in its own dtype. Stop strings need
    `decode`."""

    def __init__(self, model: CausalLM, *, decode: Decode | None = None) -> None:
        self.model, self.decode, self.guesses = model, decode, Guesses(0, 0)

    @torch.no_grad()  # not inference mode: some models keep rotary tables made here for training
    def generate(
        self,
        prompts: list[list[int]],
        *,
        group_size: int = 1,
        first_member: int = 0,
        sampling: Sampling,
        seeds: list[int],
        eos_id: int | None,
        done: Done | None = None,
        carry: Carry | None = None,
    ) -> list[Completion]:
        """See `Engine.generate`; the model's own end tokens end a sequence beside `eos_id`, unless
        that is None. Raises `SamplingError` as the native engine does."""
        order = self._order(
            prompts, group_size, sampling, seeds, eos_id, done, carry or Carry(), first_member
        )
        if order.open:
            write(*self._ready(order))
        return order.completions()

    @torch.no_grad()
    def stream(
        self,
        prompt: list[int],
        *,
        count: int,
        sampling: Sampling,
        seed: int,
        eos_id: int | None,
        done: Done,
    ) -> Iterator[dict[int, list[int]]]:
        """See `Streams.stream`; what `generate` raises, the first step raises."""
        order = self._order([prompt], count, sampling, [seed], eos_id, done, Carry())
        yield from stream(*self._ready(order))

    def _order(
        self,
        prompts: list[list[int]],
        group_size: int,
        sampling: Sampling,
        seeds: list[int],
        eos_id: int | None,
        done: Done | None,
        carry: Carry,
        first_member: int = 0,
    ) -> Order:
        if sampling.routing_replay:
            raise SamplingError(NO_EXPERTS)
        limit = getattr(self.model.config, "max_position_embeddings", None)
        check_prompts(prompts, seeds, sampling.max_new_tokens, limit)
        ends = set(self.model.eos_ids | {eos_id}) if eos_id is not None else set()
        return Order.of(
            prompts, group_size, sampling, seeds, ends, done, carry,
            first_member=first_member, decode=self.decode, device=self.model.head.weight.device,
        )  # fmt: skip

    def _ready(self, order: Order) -> tuple[Reader, Running]:
        reader, slots = Reader(self.model), order.slots
        waiting = Waiting(order, order.open, reader.begin)
        rows = Rows.free(slots, order.sampling.max_new_tokens, order.keys_A.device)
        return reader, Running(order, waiting, rows, [KeyValueCache(slots, rows.ids_B.device)])
