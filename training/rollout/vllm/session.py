"""One sampler in use: the model it has built, the weights it has, what it is asked to write.

Nothing is taken on trust. Each handover has a policy version and a fingerprint of all weights,
which the sampler computes again from what arrived; a probe then compares what the sampler's model
makes of a text with what ours makes of it. Each completion says which weights wrote it, and one
written by others is refused: training on stale weights would go on for weeks without a word.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from training.batch import make_batch
from training.config import VllmSampler
from training.model import Policy, completion_logprobs, policy
from training.rollout.engine import Completion, Done, Sampling, SamplingError, Weights
from training.rollout.vllm import fingerprint
from training.rollout.vllm.peer import Peer

PROBE_TOLERANCE = {torch.float32: 0.01, torch.bfloat16: 0.25, torch.float16: 0.25}
"""Mean difference of a token's log-probability in nats that a handover may show: rounding by two
implementations of a model is far below, a layer with other weights far above."""
_PROBE_PROMPT, _PROBE_TOKENS = 8, 8


class StaleWeightsError(SamplingError):
    """Other weights are in use than those handed over."""


class Session:
    """Talks to one sampler from the first handover to the last completion.

    `lock` is to be held from a handover to the last of its completions. `tokenizer` is a
    tokenizer.json, for stop strings.
    """

    def __init__(self, peer: Peer, config: VllmSampler, tokenizer: str | None = None) -> None:
        self.lock = threading.Lock()
        self._peer, self._config, self._tokenizer = peer, config, tokenizer
        self._held: Weights | None = None
        self._longest: int | None = None

    @torch.no_grad()
    def hand_over(self, model: Policy, version: int) -> Weights:
        """See to it that the sampler has these weights, and return what they are called; `version`
        counts the optimiser steps they have seen.

        Raises SamplingError when the sampler fails, and StaleWeightsError.
        """
        if self._longest is None:
            self._open(model)
        wanted = Weights(version, fingerprint_of(model))
        if self._held != wanted:
            self._held = wanted
            self._peer.send({"do": "load", "version": version})
            for name, tensor in policy.tensors(model):
                header = {"is": "tensor", "name": name, "dtype": _name(tensor.dtype)}
                self._peer.send({**header, "shape": list(tensor.shape)}, _bytes(tensor))
            self._peer.send({"is": "end"})
            self._check(_weights(self._peer.expect("loaded")))
            self._probe(model)
        return wanted

    def write(
        self,
        prompts: list[list[int]],
        group_size: int,
        sampling: Sampling,
        seeds: list[int],
        stops: list[int],
        done: Done | None = None,
    ) -> list[Completion]:
        """Completions by the weights that were handed over last; `seeds` are theirs one by one.
        Raises SamplingError when the sampler fails, and StaleWeightsError."""
        self._check_room(max(map(len, prompts)) + sampling.max_new_tokens)
        self._peer.send({
            "do": "generate", "prompts": prompts, "group_size": group_size, "seeds": seeds,
            "settings": {
                "max_tokens": sampling.max_new_tokens, "temperature": sampling.temperature,
                "top_p": sampling.top_p, "stop_token_ids": stops,
                "min_tokens": sampling.min_new_tokens, "stop": list(sampling.stop),
            },
        })  # fmt: skip
        written: dict[int, Completion] = {}
        for answer in self._answers():
            completion = self._completion(answer)
            written[answer["number"]] = completion
            if done is not None:
                done(answer["number"], completion)
        if sorted(written) != list(range(len(seeds))):
            raise SamplingError(f"{self._peer.name}: {len(written)} of {len(seeds)} came back.")
        return [written[number] for number in range(len(seeds))]

    def close(self) -> None:
        self._peer.close()

    def _open(self, model: Policy) -> None:
        dtype = _name(model.head.weight.dtype)
        self._peer.send({
            "do": "open", "config": {**policy.hf_config(model), "dtype": dtype}, "dtype": dtype,
            "kv_cache_bytes": round(self._config.kv_cache_gib * 2**30),
            "max_sequences": self._config.max_sequences, "tokenizer": self._tokenizer,
        })  # fmt: skip
        self._longest = self._peer.expect("opened")["longest"]

    def _answers(self) -> Iterator[dict[str, Any]]:
        while (answer := self._peer.receive()).get("is") != "end":
            if answer.get("is") == "completion":
                yield answer

    def _completion(self, answer: dict[str, Any]) -> Completion:
        self._check(found := _weights(answer))
        reason, tokens, logprobs = answer["finish_reason"], answer["tokens"], answer["logprobs"]
        if reason not in {"stop", "length"} or len(tokens) != len(logprobs):
            raise SamplingError(f"{self._peer.name}: a completion that ended by {reason!r}.")
        if not all(map(math.isfinite, logprobs)):
            raise SamplingError("the model's output is not finite: its weights have diverged")
        return Completion(tokens, logprobs, reason, answer["stop"], weights=found)

    def _check(self, found: Weights) -> None:
        if found != self._held:
            raise StaleWeightsError(
                f"{self._peer.name} has {found}, where the trainer expects {self._held}: a "
                "handover did not reach it. Nothing was trained on what it wrote."
            )

    def _check_room(self, tokens: int) -> None:
        if self._longest is not None and tokens > self._longest:
            raise SamplingError(
                f"sampling.engine.kv_cache_gib: the longest prompt and sampling.max_new_tokens "
                f"are {tokens} tokens together, and {self._peer.name} has room for "
                f"{self._longest}: allow it more memory, or fewer tokens."
            )

    def _probe(self, model: Policy) -> None:
        """Compare the sampler's log-probabilities with ours, for a text that it writes itself."""
        weight = model.head.weight
        prompt = [(7 * place + 3) % model.config.vocab_size for place in range(_PROBE_PROMPT)]
        (written,) = self.write([prompt], 1, Sampling(_PROBE_TOKENS), [0], [])
        batch = make_batch([prompt], [written.tokens], weight.device)
        scored = completion_logprobs(model, batch.tokens_BT, batch.mask_BT, batch.completion_BT)
        ours_T = scored.logprobs_BT[batch.completion_BT].cpu()
        difference = float((ours_T - torch.tensor(written.logprobs)).abs().mean())
        if not difference <= PROBE_TOLERANCE[weight.dtype]:
            raise StaleWeightsError(
                f"{self._peer.name}: its log-probabilities after the handover of {self._held} "
                f"differ from the trainer's by {difference:.3f} nats a token: its model does not "
                "compute with these weights."
            )


def fingerprint_of(model: Policy) -> str:
    """See `fingerprint`; tensors are hashed side by side, none is held twice."""

    def line(named: tuple[str, Tensor]) -> str:
        name, tensor = named
        return fingerprint.of_tensor(name, _name(tensor.dtype), tensor.shape, _bytes(tensor))

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return fingerprint.of_model(pool.map(line, policy.tensors(model)))


def _weights(answer: dict[str, Any]) -> Weights:
    return Weights(answer["version"], answer["fingerprint"])


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _bytes(tensor: Tensor) -> memoryview:
    """A tensor's bytes in row order, in the main memory."""
    flat = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
    return memoryview(flat.numpy())
