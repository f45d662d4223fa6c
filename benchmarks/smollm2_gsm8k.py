"""SmolLM2-135M-Instruct on GSM8K: a run through the whole stack beside TRL, and vLLM's decoding.

The run is `python -m training train` for 20 steps: 4 questions, groups of 4, completions of up to
96 tokens, bf16, rewards for the answer, its tags, and against repetition (which tells completions
apart: so small a model hardly ever gets to an answer in 96 tokens). TRL takes the same prompts,
group size and lengths in .venv-bench; vLLM and transformers' `generate` decode batches of 16 and 64
in turn. FOLDER keeps the model, the run and what was measured: called again, it goes on where it
stopped.

    .venv/bin/python -m benchmarks.smollm2_gsm8k FOLDER --gsm8k /path/to/gsm8k
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.decode_vs_transformers import theirs as generate
from benchmarks.decode_vs_vllm import theirs as vllm
from benchmarks.grpo_step_vs_trl import theirs as trl
from benchmarks.report import compare, machine, take_turns, timed
from benchmarks.workload import Workload, problems, prompt_of
from training.config import RunConfig, resolve
from training.rollout.vllm.peer import INSTALLED
from training.tokenizer import TextTokenizer

SETTINGS = """
[model]
path = "{model}"

[task]
type = "file"
path = "{gsm8k}/train.jsonl"
held_out_path = "{gsm8k}/test.jsonl"
verifier = "gsm8k"
template = "chat"
system_prompt = "Solve it step by step, in few words. End with the number: <answer>42</answer>"

[reward]
format = 0
tag_count = 0.5
repetition = {{ weight = 1.0 }}

[grpo]
steps = 20
prompts_per_step = 4
group_size = 4

[sampling]
max_new_tokens = 96

[optim]
learning_rate = 1e-6  # as TRL's side: completions keep their length, and both the same work

[evaluation]
every_steps = 0

[checkpoint]
every_steps = 20
keep_last = 1

[hardware]
device = "cpu"
dtype = "bf16"
"""
PARTS = ("rollout", "reward", "logprobs", "update", "write", "step")


def make_model(folder: Path, python: Path) -> Path:
    model = folder / "model"
    if not model.exists():
        script = Path(__file__).with_name("smollm2_directory.py")
        subprocess.run([str(python), str(script), str(folder), str(model)], check=True)
    return model


def whole_run(file: Path, run_dir: Path) -> dict[str, float]:
    """Median seconds of a step's parts, and the mean reward of the first and last five steps."""
    begun = (run_dir / "config.json").exists()
    command = [sys.executable, "-m", "training", "train", "--run-dir", str(run_dir)]
    subprocess.run(command if begun else [*command, str(file)], check=True)
    lines = (run_dir / "events.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [event["values"] for event in map(json.loads, lines) if event["type"] == "metrics"]
    found = {part: median(each[f"time/{part}_s"] for each in steps) for part in PARTS}
    rewards = [each["reward/mean"] for each in steps]
    return {
        **found, "steps": len(steps), "seconds": sum(each["time/step_s"] for each in steps),
        "tokens": median(each["completion/length_mean"] for each in steps),
        "reward_first": sum(rewards[:5]) / 5, "reward_last": sum(rewards[-5:]) / 5,
    }  # fmt: skip


def trl_steps(config: RunConfig, python: Path, rounds: int) -> dict[str, float]:
    with ExitStack() as stack:
        work = Workload(Path(config.model.path), config, fixed_length=False)
        turns = {"TRL bf16": trl(python, work, "bf16", stack)}
        seconds = take_turns(turns, rounds)["TRL bf16"]
    return {"step": median(seconds), "fastest": min(seconds), "slowest": max(seconds)}


def decoding(
    model: Path, prompts: list[list[int]], count: int, rounds: int, json_path: Path
) -> dict[str, Any]:
    """vLLM's engine beside `generate`, `count` completions of exactly 64 tokens."""
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - after a wrong option is told

    asked = (prompts, count // len(prompts), 64)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()
    with ExitStack() as loaded:
        turns = {"generate": timed(generate(network, *asked))}
        turns["vLLM"] = loaded.enter_context(vllm(model, torch.bfloat16, *asked))
        compare(take_turns(turns, rounds), "vLLM", "tokens", 64 * count, json_path)
    found: dict[str, Any] = json.loads(json_path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="where model, run and results are kept")
    parser.add_argument("--gsm8k", type=Path, required=True, help="has train.jsonl and test.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bench-python", type=Path, default=Path(".venv-bench/bin/python"))
    arguments = parser.parse_args()
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    model = make_model(folder, arguments.bench_python)
    file, text = folder / "run.toml", SETTINGS.format(model=model, gsm8k=arguments.gsm8k.absolute())
    file.write_text(text, encoding="utf-8")
    config = resolve(None, tomllib.loads(text)).config
    tokenizer, rounds = TextTokenizer.load(model), arguments.rounds
    prompts = [tokenizer.encode_prompt(prompt_of(each, config)) for each in problems(config)]
    stages: dict[str, Callable[[], dict[str, Any]]] = {
        "r1web": lambda: whole_run(file, folder / "run"),
        "TRL": lambda: trl_steps(config, arguments.bench_python, rounds),
    }
    if INSTALLED.exists():
        for count in (16, 64):
            stages[f"decode-{count}"] = lambda count=count: decoding(
                model, prompts, count, rounds, folder / f"decode-{count}.json"
            )
    results = folder / "results.json"
    found = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    for name, stage in stages.items():
        if name not in found:
            found[name] = {"machine": machine(), **stage()}
            results.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        told = {key: value for key, value in found[name].items() if isinstance(value, float)}
        print(name, {key: round(value, 3) for key, value in told.items()})
    print(f"a step: {found['TRL']['step'] / found['r1web']['step']:.2f} times as fast as TRL's")
    if not INSTALLED.exists():
        print("vLLM was left out: there is no .venv-vllm, which `make vllm` makes.")


if __name__ == "__main__":
    main()
