"""The native sampler: whole batches, from a cache of compressed latents.

Each distinct prompt is read once and its latents are copied to all completions of its group.

A all sequences, B a thread's, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from training.model import Transformer
from training.rollout.cache import LatentCache
from training.rollout.decoder import Cache, Decoder, Layers
from training.rollout.engine import (
    Completion,
    Done,
    Guesses,
    Sampling,
    SamplingError,
    check_prompts,
    completions,
)
from training.rollout.paged import PagedCache, PagedLayers
from training.rollout.prefill import Prefilled, prefill
from training.rollout.sampling import noise_keys
from training.rollout.speculative import SPARE, Guesser, write_speculatively
from training.rollout.writing import ROW_MULTIPLE, Order, Running, write

CACHED_BYTES = 1 << 25
"""Weights up to which threads read them from the processor's cache. Larger ones come from memory,
and are read once when all threads work on the same product."""
NO_GUESSER = (
    "sampling.speculative: the model has no multi-token prediction layer "
    "(num_nextn_predict_layers is 0); switch it off or start from a model that has one."
)


class NativeEngine:
    """Samples from `model` as it is at the moment of the call, in its own dtype.

    With `speculative` the model's multi-token prediction layer guesses tokens that the model then
    checks; SamplingError when it has none.
    """

    def __init__(self, model: Transformer, *, speculative: bool = False) -> None:
        if speculative and model.mtp is None:
            raise SamplingError(NO_GUESSER)
        self.model, self.speculative = model, speculative
        self.paged = model.head.weight.device.type == "cuda"  # else by training/rollout/decoder.py
        self.guesses = Guesses(0, 0)

    @torch.inference_mode()
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
        """See `Engine.generate`. Raises `SamplingError` when a prompt is empty or does not leave
        room for `max_new_tokens`, and when the model produces numbers that are not finite."""
        limit, tokens = self.model.config.max_position_embeddings, sampling.max_new_tokens
        check_prompts(prompts, seeds, tokens, limit)
        count = len(prompts) * group_size
        kind = PagedLayers if self.paged else Layers
        prefilled, decoder = prefill(self.model, prompts), Decoder(self.model, kind)
        guesser = Guesser(self.model, kind) if self.speculative else None
        order = self._order(noise_keys(seeds, group_size), sampling, eos_id)

        @torch.inference_mode()
        def write_part(ids_B: Tensor) -> Guesses:
            prompts_B = ids_B // group_size
            hidden_BD = prefilled.hidden_PD[prompts_B]
            running = Running(
                ids_B=ids_B,
                alive_B=torch.ones_like(ids_B, dtype=torch.bool),
                positions_B=prefilled.lengths_P[prompts_B],
                caches=self._caches(prefilled, prompts_B, len(order.tokens_SA)),
            )
            if guesser is None:
                write(decoder, running, hidden_BD, order)
                return Guesses(0, 0)
            return write_speculatively(decoder, guesser, running, hidden_BD, order)

        ids_A = torch.arange(count, device=self.model.head.weight.device)
        guesses = _side_by_side(write_part, ids_A.tensor_split(self._parts(count)))
        self.guesses = Guesses(
            sum(part.made for part in guesses), sum(part.stood for part in guesses)
        )
        results = (order.tokens_SA[:tokens], order.logprobs_SA[:tokens])
        return completions(*results, set() if eos_id is None else {eos_id}, done)

    def _caches(self, prefilled: Prefilled, prompts_B: Tensor, room: int) -> list[Cache]:
        """The model's cache, and the guesser's when there is one: that is a place short, since the
        token after a prompt's last is not known yet."""

        def cache(layers: Iterable[Tensor], valid_BT: Tensor) -> Cache:
            return (
                PagedCache(layers, valid_BT, room) if self.paged else LatentCache(layers, valid_BT)
            )

        valid_BT = prefilled.valid_PT[prompts_B]
        caches = [cache(prefilled.layers(prompts_B), valid_BT)]
        if self.speculative and prefilled.mtp_latents_PTX is not None:
            latents_BTX = prefilled.mtp_latents_PTX[prompts_B, :-1]
            caches.append(cache([latents_BTX], valid_BT[:, :-1]))
        return caches

    def _order(self, keys_A: Tensor, sampling: Sampling, eos_id: int | None) -> Order:
        device, count = self.model.head.weight.device, len(keys_A)
        room = sampling.max_new_tokens + (SPARE if self.speculative else 0)
        return Order(
            sampling=sampling, eos_id=eos_id, keys_A=keys_A.to(device),
            tokens_SA=torch.zeros(room, count, dtype=torch.long, device=device),
            logprobs_SA=torch.zeros(room, count, device=device),
        )  # fmt: skip

    def _parts(self, count: int) -> int:
        """In how many parts a batch is written, each by a thread of its own.

        The threads of one small operation wait for each other again and again; those of
        independent sequences never do.
        """
        weights = sum(each.numel() * each.element_size() for each in self.model.parameters())
        if weights > CACHED_BYTES or self.model.head.weight.device.type != "cpu":
            return 1
        return max(1, min(torch.get_num_threads(), count // ROW_MULTIPLE))


def _side_by_side(work: Callable[[Tensor], Guesses], parts: tuple[Tensor, ...]) -> list[Guesses]:
    """Do each part in a thread of its own, which computes by itself."""
    if len(parts) == 1:
        return [work(parts[0])]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # what new threads begin with
    try:
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(work, parts))
    finally:
        torch.set_num_threads(threads)
