"""Tokens per second of the native sampler beside transformers' `generate`, on the same weights.

128 completions of exactly 64 tokens at temperature 1 for 8 prompts of the preset r1-zero-nano, by
the shipped base model or by random weights of another size; each library in bf16 and in fp32, in
turn, round by round. transformers gets each group's prompt once per completion, as its users give
it.

    .venv/bin/python -m benchmarks.decode_vs_transformers --model 3.8m
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import compare_best, take_turns, timed
from benchmarks.workload import SIZES, problems, prompt_of, workload
from training.model import Transformer, hf
from training.rollout import NativeEngine, Sampling
from training.tokenizer import TextTokenizer

Generate = Callable[[], None]
"""Makes all completions, with a seed of its own each time."""


def ours(model: Transformer, prompts: list[list[int]], group: int, tokens: int) -> Generate:
    engine, seeds = NativeEngine(model), itertools.count()

    def generate() -> None:
        completions = engine.generate(
            prompts,
            group_size=group,
            sampling=Sampling(tokens),
            eos_id=None,
            seeds=[next(seeds) for _ in prompts],
        )
        if any(len(completion.tokens) != tokens for completion in completions):
            raise RuntimeError("a completion is shorter than asked for")

    return generate


def theirs(model: Any, prompts: list[list[int]], group: int, tokens: int) -> Generate:
    longest = max(map(len, prompts))
    rows = [[0] * (longest - len(prompt)) + prompt for prompt in prompts for _ in range(group)]
    tokens_BT = torch.tensor(rows)
    mask_BT = (tokens_BT != 0).long()

    def generate() -> None:
        out_BT = model.generate(
            tokens_BT, attention_mask=mask_BT, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            max_new_tokens=tokens, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        if out_BT.shape[1] != longest + tokens:
            raise RuntimeError("a completion is shorter than asked for")

    return generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", choices=SIZES, default=SIZES[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - after a wrong option is told

    with workload(arguments.model) as work:
        config, tokenizer = work.config, TextTokenizer.load(work.model)
        prompts = [tokenizer.encode_prompt(prompt_of(each, config)) for each in problems(config)]
        asked = (prompts, config.grpo.group_size, config.sampling.max_new_tokens)
        contenders: dict[str, Generate] = {}
        for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
            contenders[f"r1web {name}"] = ours(hf.load(work.model, dtype).eval(), *asked)
            other = AutoModelForCausalLM.from_pretrained(work.model, dtype=dtype).eval()
            contenders[f"transformers {name}"] = theirs(other, *asked)
    tokens = config.completions_per_step * config.sampling.max_new_tokens
    turns = {name: timed(generate) for name, generate in contenders.items()}
    compare_best(take_turns(turns, arguments.rounds), "tokens", tokens, arguments.json)


if __name__ == "__main__":
    main()
