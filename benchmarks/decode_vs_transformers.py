"""Tokens per second of the native sampler beside transformers' `generate`, on the same weights.

128 completions of exactly 64 tokens at temperature 1, 8 prompts of 20 to 29 tokens; each library
in bf16 and in fp32, in turn, round by round. transformers gets each group's prompt once per
completion, as its users give it. Run with the environment that holds transformers:

    .venv-bench/bin/python -m benchmarks.decode_vs_transformers
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import compare
from benchmarks.shapes import GROUP_SIZE, MAX_NEW_TOKENS, NANO, build_model, random_prompts
from training.model import Transformer, hf
from training.rollout import NativeEngine


def ours(model: Transformer, prompts: list[list[int]]) -> Callable[[int], None]:
    engine = NativeEngine(model)

    def generate(seed: int) -> None:
        completions = engine.generate(
            prompts, group_size=GROUP_SIZE, max_new_tokens=MAX_NEW_TOKENS, seed=seed, eos_id=None
        )
        if any(len(completion.tokens) != MAX_NEW_TOKENS for completion in completions):
            raise RuntimeError("a completion is shorter than asked for")

    return generate


def theirs(model: Any, prompts: list[list[int]]) -> Callable[[int], None]:
    longest = max(map(len, prompts))
    rows = [[0] * (longest - len(prompt)) + prompt for prompt in prompts for _ in range(GROUP_SIZE)]
    tokens_BT = torch.tensor(rows)
    mask_BT = (tokens_BT != 0).long()

    def generate(seed: int) -> None:
        torch.manual_seed(seed)
        out_BT = model.generate(
            tokens_BT, attention_mask=mask_BT, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            max_new_tokens=MAX_NEW_TOKENS, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        if out_BT.shape[1] != longest + MAX_NEW_TOKENS:
            raise RuntimeError("a completion is shorter than asked for")

    return generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - after a wrong option is told

    model, prompts = build_model(NANO), random_prompts(NANO)
    contenders: dict[str, Callable[[int], None]] = {}
    with tempfile.TemporaryDirectory() as directory:
        hf.save(model, directory)
        for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
            contenders[f"r1web {name}"] = ours(hf.load(directory, dtype), prompts)
            other = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval()
            contenders[f"transformers {name}"] = theirs(other, prompts)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(-1, arguments.rounds):
        for name, generate in contenders.items():
            start = time.perf_counter()
            generate(round_number + 1)
            if round_number >= 0:  # the round before the first warms up
                seconds[name].append(time.perf_counter() - start)
    tokens = len(prompts) * GROUP_SIZE * MAX_NEW_TOKENS
    best = min(("r1web bf16", "r1web fp32"), key=lambda name: min(seconds[name]))
    shown = {name: times for name, times in seconds.items() if name == best or "r1web" not in name}
    compare(shown, best, "tokens", tokens, arguments.json)


if __name__ == "__main__":
    main()
