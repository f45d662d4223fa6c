"""Self-speculative decoding: the multi-token prediction layer guesses a token, the model checks it.

One pass of the model reads each sequence's newest token and the guess after it. The guess stands
with probability min(1, p/q), and where it falls the token is drawn from what p has more of than q
(Leviathan et al., arXiv 2211.17192, 2.3): either way tokens follow p, the model's own distribution.
A guess that stood brings a second token, drawn from the model's distribution after it.

The layer reads a state of the model beside the token that came after it, and keeps a latent cache
of its own. A guess that fell leaves a hidden column in both caches.

B rows, N = 2B, S newest tokens, V vocab_size, D hidden_size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.model import Transformer
from training.rollout.decoder import Cache, Decoder, Layers, unit
from training.rollout.engine import Guesses
from training.rollout.paged import PagedLayers
from training.rollout.sampling import ACCEPT, GUESS, invert, logprob, noise, policy, sampled
from training.rollout.writing import Running, accept_first

SPARE = 2
"""Places behind the last token that a guess may be written to."""


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


def write_speculatively(decoder: Decoder, guesser: Guesser, running: Running) -> Guesses:
    """As `writing.write`, one or two tokens at a time."""
    order, logits, limit = (
        running.order,
        decoder.logits,
        decoder.model.config.max_position_embeddings,
    )
    temperature, top_p = order.sampling.temperature, order.sampling.top_p
    cache, guesser_cache = running.caches
    guess_BD = torch.empty(0)
    made = stood = 0

    def cut(logits_BV: Tensor, counts_B: Tensor) -> Tensor:
        """What the tokens with these numbers are drawn from."""
        return sampled(policy(order.allowed(logits_BV, counts_B), temperature), temperature, top_p)

    while True:
        while (begun := running.begin()) is not None:
            guess_BD = _first_guess(decoder, guesser, running, begun, guess_BD)
        if (kept := running.drop()) is not None:
            guess_BD = guess_BD[kept]
        if running.over():
            return Guesses(made, stood)
        rows = running.rows
        alive_B, keys_B, counts_B = rows.alive_B, rows.keys_B, rows.counts_B

        # Guess a token, and read it together with the one before it.
        q_BV = cut(logits(guess_BD), counts_B)
        guessed_B = invert(q_BV, noise(keys_B, counts_B, GUESS))
        positions_B2 = rows.positions_B[:, None] + torch.arange(2, device=counts_B.device)
        positions_B2.clamp_(max=limit - 1)  # a guess may lie behind the last place
        pair_B2 = torch.stack((rows.newest_B, guessed_B), dim=1)
        hidden_ND = decoder.step(pair_B2, positions_B2, cache)
        running.note_experts(cache.chosen)
        first_logits_BV, second_logits_BV = logits(hidden_ND).unflatten(0, (-1, 2)).unbind(1)

        # Keep it or not.
        noise_B, redraw_B = noise(keys_B, counts_B, ACCEPT), noise(keys_B, counts_B)
        first_BV = cut(first_logits_BV, counts_B)
        first_B, stood_B = keep_or_redraw(first_BV, q_BV, guessed_B, noise_B, redraw_B)
        second_B, second_logprobs_B = order.draw(second_logits_BV, keys_B, counts_B + 1)
        first_logprobs_B = logprob(policy(first_logits_BV, temperature), first_B)
        cache.hide_newest(~stood_B)
        made += running.alive
        stood += int((alive_B & stood_B).sum())

        # What the next guess starts from.
        both_B2 = torch.stack((first_B, second_B), dim=1)
        guess_ND = guesser.step(hidden_ND, both_B2, positions_B2, guesser_cache)
        guesser_cache.hide_newest(~stood_B)
        guess_BD = torch.where(stood_B[:, None], guess_ND[1::2], guess_ND[::2])
        running.accept(first_B, first_logprobs_B)
        running.accept(second_B, second_logprobs_B, stood_B)


def _first_guess(
    decoder: Decoder,
    guesser: Guesser,
    running: Running,
    begun: tuple[Tensor, Tensor],
    guess_BD: Tensor,
) -> Tensor:
    """Begin sequences, and put beside the states that others guess from those of the new ones.

    The guesser passes over all rows; what it leaves in those that had begun before is hidden, or
    stands where their next token will be written.
    """
    rows, hidden_bD = begun
    began_B = accept_first(decoder, running, rows, hidden_bD)
    hidden_BD = hidden_bD.new_zeros(len(began_B), hidden_bD.shape[1])
    hidden_BD[rows] = hidden_bD
    state, cache = running.rows, running.caches[1]
    places_B = state.positions_B - began_B.long()
    found_BD = guesser.step(hidden_BD, state.newest_B[:, None], places_B[:, None], cache)
    cache.hide_newest(~began_B)
    return torch.where(began_B[:, None], found_BD, guess_BD) if len(guess_BD) else found_BD


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
