"""The native sampler: whole batches, from a cache of compressed latents.

Each prompt is read once for its group, when its turn comes, and a sequence that has ended gives its
row to the next one that waits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from training.model import Transformer
from training.rollout.cache import LatentCache
from training.rollout.decoder import Decoder, Layers
from training.rollout.engine import (
    Carry,
    Completion,
    Done,
    Guesses,
    Sampling,
    SamplingError,
    check_prompts,
)
from training.rollout.order import Order
from training.rollout.paged import PagedCache, PagedLayers
from training.rollout.prefill import Waiting, read
from training.rollout.speculative import SPARE, Guesser, write_speculatively
from training.rollout.stopping import Decode
from training.rollout.writing import ROW_MULTIPLE, Rows, Running, stream, write

CACHED_BYTES = 1 << 25
"""Weights up to which threads read them from the processor's cache. Larger ones come from memory,
and are read once when all threads work on the same product."""
NO_GUESSER = (
    "sampling.speculative: the model has no multi-token prediction layer "
    "(num_nextn_predict_layers is 0); switch it off or start from a model that has one."
)

NO_EXPERTS = (
    "sampling.routing_replay: only a model of DeepSeek's architecture with experts tells which it "
    "took; switch it off."
)


class NativeEngine:
    """Samples from `model` as it is at the moment of the call, in its own dtype.

    With `speculative` the model's multi-token prediction layer guesses tokens that the model then
    checks; SamplingError when it has none. Stop strings need `decode`.
    """

    def __init__(
        self, model: Transformer, *, speculative: bool = False, decode: Decode | None = None
    ) -> None:
        if speculative and model.mtp is None:
            raise SamplingError(NO_GUESSER)
        self.model, self.speculative, self.decode = model, speculative, decode
        self.paged = model.head.weight.device.type == "cuda"  # else by training/rollout/decoder.py
        self.guesses = Guesses(0, 0)

    @torch.inference_mode()
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
        """See `Engine.generate`. Raises `SamplingError` when a prompt is empty or does not leave
        room for `max_new_tokens`, and when the model produces numbers that are not finite."""
        order = self._order(
            prompts, group_size, sampling, seeds, eos_id, done, carry or Carry(), first_member
        )
        kind = PagedLayers if self.paged else Layers
        decoder = Decoder(self.model, kind)
        guesser = Guesser(self.model, kind) if self.speculative else None

        @torch.inference_mode()
        def write_part(numbers: list[int], slots: int) -> Guesses:
            running = self._running(order, numbers, slots)
            if guesser is None:
                write(decoder, running)
                return Guesses(0, 0)
            return write_speculatively(decoder, guesser, running)

        guesses = _side_by_side(write_part, order, self._parts(order.slots))
        self.guesses = Guesses(
            sum(part.made for part in guesses), sum(part.stood for part in guesses)
        )
        return order.completions()

    @torch.inference_mode()
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
        decoder = Decoder(self.model, PagedLayers if self.paged else Layers)
        yield from stream(decoder, self._running(order, order.open, order.slots))

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
        limit = self.model.config.max_position_embeddings
        check_prompts(prompts, seeds, sampling.max_new_tokens, limit)
        return Order.of(
            prompts, group_size, sampling, seeds, set() if eos_id is None else {eos_id}, done,
            carry, first_member=first_member, decode=self.decode,
            device=self.model.head.weight.device,
        )  # fmt: skip

    def _running(self, order: Order, numbers: list[int], slots: int) -> Running:
        config, sampling = self.model.config, order.sampling
        sparse = sum(not config.is_dense(layer) for layer in range(config.num_hidden_layers))
        noted = sampling.routing_replay and sparse > 0
        experts = (sparse, config.num_experts_per_tok) if noted else (0, 0)
        waiting = Waiting(order, numbers, partial(read, self.model))
        rows = Rows.free(slots, sampling.max_new_tokens, order.keys_A.device, experts)
        return Running(order, waiting, rows, self._caches(order, slots))

    def _caches(self, order: Order, rows: int) -> list[LatentCache | PagedCache]:
        """The model's cache, and the guesser's when there is one."""
        config, like = self.model.config, self.model.head.weight
        width = config.kv_lora_rank + config.qk_rope_head_dim
        longest = max(map(len, order.prompts)) + order.sampling.max_new_tokens

        def cache(layers: int) -> LatentCache | PagedCache:
            if self.paged:
                return PagedCache(rows, layers, width, like, longest + SPARE * self.speculative)
            return LatentCache(rows, layers, width, like)

        return [cache(config.num_hidden_layers), *([cache(1)] if self.speculative else [])]

    def _parts(self, slots: int) -> int:
        """In how many parts a batch is written, each by a thread of its own.

        The threads of one small operation wait for each other again and again; those of
        independent sequences never do.
        """
        weights = sum(each.numel() * each.element_size() for each in self.model.parameters())
        if weights > CACHED_BYTES or self.model.head.weight.device.type != "cpu":
            return 1
        return max(1, min(torch.get_num_threads(), slots // ROW_MULTIPLE))


def _side_by_side(
    work: Callable[[list[int], int], Guesses], order: Order, parts: int
) -> list[Guesses]:
    """Share sequences and slots among so many threads, each of which computes by itself."""
    cuts = [len(order.open) * part // parts for part in range(parts + 1)]
    numbers = [order.open[start:end] for start, end in itertools.pairwise(cuts)]
    slots = [
        min(order.slots * (part + 1) // parts - order.slots * part // parts, len(numbers[part]))
        for part in range(parts)
    ]
    if not order.open:
        return []
    if parts == 1:
        return [work(numbers[0], slots[0])]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # what new threads begin with
    try:
        with ThreadPoolExecutor(parts) as pool:
            return list(pool.map(work, numbers, slots))
    finally:
        torch.set_num_threads(threads)
