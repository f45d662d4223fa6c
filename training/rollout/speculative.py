"""Self-speculative decoding: the multi-token prediction layer guesses a token, the model checks it.

One pass of the model reads each sequence's newest token and the guess after it. The guess stands
with probability min(1, p/q), and where it falls the token is drawn from what p has more of than q
(Leviathan et al., arXiv 2211.17192, 2.3): either way tokens follow p, the model's own distribution.
A guess that stood brings a second token, drawn from the model's distribution after it.

The layer reads a state of the model beside the token that came after it, and keeps a latent cache
of its own. A guess that fell leaves a hidden column in both caches.

B sequences that still run, N = 2B, A all sequences, S steps, V vocab_size, D hidden_size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.model import Transformer
from training.rollout.decoder import Cache, Decoder, Layers, unit
from training.rollout.engine import Guesses
from training.rollout.paged import PagedLayers
from training.rollout.sampling import ACCEPT, GUESS, draw, invert, logprob, policy, sampled
from training.rollout.writing import Order, Running

SPARE = 3
"""Steps behind the last that a sequence may write to before it is found to have ended."""


class Guesser:
    """The multi-token prediction layer as it is now."""

    def __init__(self, model: Transformer, kind: type[Layers | PagedLayers] = Layers) -> None:
        if model.mtp is None:
            raise ValueError("the model has no multi-token prediction layer")
        self.model, self.mtp = model, model.mtp
        self.layers = kind([model.mtp.block], model)

    def step(
        self, hidden_ND: Tensor, next_BS: Tensor, positions_BS: Tensor, cache: Cache
    ) -> Tensor:
        """States [N, D], for the head, that guess what follows `next_BS`, the tokens after the
        model's states `hidden_ND` at `positions_BS`."""
        return cache.run(self._step, hidden_ND, next_BS, positions_BS)

    def _step(self, hidden_ND: Tensor, next_BS: Tensor, positions_BS: Tensor, cache: Any) -> Tensor:
        pair_ND = self.mtp.pair(hidden_ND, self.model.embedding(next_BS.flatten()))
        x_ND, norm = self.layers.step(pair_ND.float(), positions_BS, cache), self.mtp.norm
        return unit(x_ND, norm.eps, norm.weight.float()).to(self.layers.dtype)


def write_speculatively(
    decoder: Decoder, guesser: Guesser, running: Running, hidden_BD: Tensor, order: Order
) -> Guesses:
    """As `writing.write`, one or two tokens at a time. `order` has room for `SPARE` more steps."""
    logits = decoder.model.logits
    limit, steps = decoder.model.config.max_position_embeddings, order.sampling.max_new_tokens
    settings = (order.sampling.temperature, order.sampling.top_p)
    cache, guesser_cache = running.caches
    made = stood = 0

    def put(steps_B: Tensor, tokens_B: Tensor, logprobs_B: Tensor) -> None:
        order.tokens_SA[steps_B, running.ids_B] = tokens_B
        order.logprobs_SA[steps_B, running.ids_B] = logprobs_B

    counts_B = torch.zeros_like(running.ids_B)  # tokens written
    newest_B, logprobs_B = draw(logits(hidden_BD), order.noise(running.ids_B, 0), *settings)
    put(counts_B, newest_B, logprobs_B)
    counts_B = counts_B + 1
    before_B1 = running.positions_B[:, None] - 1
    guess_BD = guesser.step(hidden_BD, newest_B[:, None], before_B1, guesser_cache)
    ended_B = (counts_B >= steps) | order.ends(newest_B)
    while True:
        rows = running.drop(ended_B)
        if rows is not None:
            newest_B, counts_B, guess_BD = newest_B[rows], counts_B[rows], guess_BD[rows]
        if not bool(running.alive_B.any()):
            return Guesses(made, stood)
        ids_B = running.ids_B

        # Guess a token, and read it together with the one before it.
        q_BV = sampled(policy(logits(guess_BD), settings[0]), *settings)
        guessed_B = invert(q_BV, order.noise(ids_B, counts_B, GUESS))
        positions_B2 = running.positions_B[:, None] + torch.arange(2, device=ids_B.device)
        positions_B2.clamp_(max=limit - 1)  # ended sequences may go on past the end
        pair_B2 = torch.stack((newest_B, guessed_B), dim=1)
        hidden_ND = decoder.step(pair_B2, positions_B2, cache)
        p_NV = policy(logits(hidden_ND), settings[0])

        # Keep it or not.
        first_BV, second_BV = sampled(p_NV, *settings).unflatten(0, (-1, 2)).unbind(1)
        noise_B, redraw_B = order.noise(ids_B, counts_B, ACCEPT), order.noise(ids_B, counts_B)
        first_B, stood_B = keep_or_redraw(first_BV, q_BV, guessed_B, noise_B, redraw_B)
        second_B = invert(second_BV, order.noise(ids_B, counts_B + 1))
        both_B2 = torch.stack((first_B, second_B), dim=1)
        cache.hide_newest(~stood_B)
        logprobs_B2 = logprob(p_NV, both_B2.flatten()).view_as(both_B2)
        put(counts_B + 1, second_B, logprobs_B2[:, 1])  # written over later if the guess fell
        put(counts_B, first_B, logprobs_B2[:, 0])
        made += int(running.alive_B.sum())
        stood += int((running.alive_B & stood_B).sum())

        # What the next guess starts from.
        guess_ND = guesser.step(hidden_ND, both_B2, positions_B2, guesser_cache)
        guesser_cache.hide_newest(~stood_B)
        guess_BD = torch.where(stood_B[:, None], guess_ND[1::2], guess_ND[::2])
        newest_B = torch.where(stood_B, second_B, first_B)
        written_B = (1 + stood_B.long()) * running.alive_B
        counts_B = counts_B + written_B
        running.positions_B = running.positions_B + written_B
        ended_B = order.ends(first_B) | order.ends(newest_B) | (counts_B >= steps)


def keep_or_redraw(
    p_BV: Tensor, q_BV: Tensor, guessed_B: Tensor, noise_B: Tensor, redraw_B: Tensor
) -> tuple[Tensor, Tensor]:
    """Tokens that follow `p_BV`, given guesses drawn from `q_BV`, and which guesses stood. Both
    uniform numbers of a row are independent of its guess and of each other."""
    guessed_B1 = guessed_B[:, None]
    p_B, q_B = p_BV.gather(1, guessed_B1).squeeze(1), q_BV.gather(1, guessed_B1).squeeze(1)
    stood_B = noise_B * q_B < p_B
    rest_BV = (p_BV - q_BV).clamp_(min=0)
    # Nothing is left where p and q differ by rounding only; then p will do.
    rest_BV = torch.where(rest_BV.sum(-1, keepdim=True) > 0, rest_BV, p_BV)
    return torch.where(stood_B, guessed_B, invert(rest_BV, redraw_B)), stood_B
