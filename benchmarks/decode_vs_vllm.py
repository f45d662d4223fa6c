"""Tokens per second of the native sampler beside vLLM's for CPUs, on the same weights.

128 completions of exactly 64 tokens at temperature 1 for 8 prompts of the preset r1-zero-nano, by
random weights of DeepSeek-V3's kind with latents of 512 + 64, which is what vLLM's latent attention
takes on a CPU; each in bf16 and in fp32, in turn, round by round. vLLM runs in .venv-vllm (`make
vllm`) as it does by default, and returns no log-probabilities; ours are counted with them.

    .venv/bin/python -m benchmarks.decode_vs_vllm
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import torch

from benchmarks.decode_vs_transformers import ours
from benchmarks.report import Turn, compare_best, take_turns, timed
from benchmarks.workload import problems, prompt_of, workload
from training.model import hf
from training.rollout.vllm.peer import INSTALLED
from training.tokenizer import TextTokenizer

WORKER = Path(__file__).with_name("vllm_worker.py")
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@contextmanager
def theirs(
    model: Path, dtype: torch.dtype, prompts: list[list[int]], group: int, tokens: int
) -> Iterator[Turn]:
    """A turn of vLLM, which stays loaded from one to the next."""
    name = str(dtype).removeprefix("torch.")
    told, tells = os.pipe()
    arguments = [str(model), name, str(group), str(tokens), json.dumps(prompts), str(tells)]
    with TemporaryFile() as said, os.fdopen(told) as seconds:
        child = subprocess.Popen(
            [str(INSTALLED), str(WORKER), *arguments],
            stdin=subprocess.PIPE, stdout=said, stderr=said, pass_fds=[tells], text=True,
        )  # fmt: skip
        os.close(tells)

        def line() -> str:
            found = seconds.readline()
            if not found:
                said.seek(0)
                raise RuntimeError(said.read()[-4000:].decode(errors="replace"))
            return found

        def turn() -> float:
            assert child.stdin is not None  # noqa: S101  # it was opened as a pipe
            child.stdin.write("\n")
            child.stdin.flush()
            return float(line())

        line()
        try:
            yield turn
        finally:
            child.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    if not INSTALLED.exists():
        parser.error("there is no .venv-vllm: run `make vllm`")
    with workload("latent-512") as work, ExitStack() as loaded:
        config, tokenizer = work.config, TextTokenizer.load(work.model)
        prompts = [tokenizer.encode_prompt(prompt_of(each, config)) for each in problems(config)]
        asked = (prompts, config.grpo.group_size, config.sampling.max_new_tokens)
        turns: dict[str, Turn] = {}
        for name, dtype in DTYPES.items():
            turns[f"r1web {name}"] = timed(ours(hf.load(work.model, dtype).eval(), *asked))
            vllm = theirs(work.model, dtype, *asked)
            turns[f"vLLM {name}"] = loaded.enter_context(vllm)
        tokens = config.completions_per_step * config.sampling.max_new_tokens
        compare_best(take_turns(turns, arguments.rounds), "tokens", tokens, arguments.json)


if __name__ == "__main__":
    main()
