"""Decoding and training of a DeepSeek-V3-shaped model on one GPU, beside transformers.

Random bf16 weights of V3's kind (latents of 512 + 64, a mixture of experts). Decoding: 128 (by
`--sequences`) completions of exactly `--tokens` tokens in groups of 16, by the native sampler and
by `generate`. Training: log-probabilities of all tokens, backward and AdamW over the same packed
sequences; ours as it trains, through DeepSpeed with fp32 master weights; transformers' with torch's
fused AdamW on bf16 weights, which is less work. The log-probabilities of the two are compared too.
MFU counts 6 FLOP for each active weight and token and the attention's products, against this
machine's own rate of a product of 8192 x 8192 matrices and against the H100's datasheet.

    .venv/bin/python -m benchmarks.gpu_model --json FILE
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.decode_vs_transformers import ours as sample
from kernels.bench.measure import machine
from training.config import OptimConfig
from training.config.model_shape import ModelConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.model import Transformer, hf

DATASHEET_TFLOPS = 989.0
"""Dense bf16 of an H100 or H200 (SXM)."""
SHAPES = {
    "1.6b": {
        "vocab_size": 32768, "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 704, "num_hidden_layers": 12, "num_attention_heads": 16,
        "q_lora_rank": 768, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "n_routed_experts": 32, "num_experts_per_tok": 4,
    },
    "tiny": {
        "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128,
        "moe_intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "q_lora_rank": 32, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 16,
        "v_head_dim": 16, "n_routed_experts": 4, "num_experts_per_tok": 2,
    },
}  # fmt: skip
GROUP = 16


@dataclass(frozen=True)
class Asked:
    sequences: int
    prompt: int
    tokens: int
    batch: int
    """Sequences of a training step, each of `time` tokens."""
    time: int
    rounds: int


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def measured(found: dict[str, Any]) -> Iterator[None]:
    """Peak memory in GiB of what runs inside."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    yield
    if torch.cuda.is_available():
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30


def rounds(work: Callable[[], object], count: int) -> list[float]:
    """Seconds of each round after one that warms up."""
    seconds = []
    for number in range(-1, count):
        synchronize()
        start = time.perf_counter()
        work()
        synchronize()
        if number >= 0:
            seconds.append(time.perf_counter() - start)
    return seconds


def write_model(shape: str, path: Path) -> dict[str, float]:
    """A Hugging Face directory with random weights; how many weights there are, and how many of
    them a token meets in products."""
    config = ModelConfig(**SHAPES[shape])  # type: ignore[arg-type] # numbers all
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Transformer(config).bfloat16()
    hf.save(model.cpu(), path)
    total = sum(weight.numel() for weight in model.parameters())
    routed = sum(
        weight.numel() for name, weight in model.named_parameters() if name.endswith(("EDJ", "EID"))
    )
    share = config.num_experts_per_tok / config.n_routed_experts
    met = total - routed * (1 - share) - model.embedding.weight.numel()
    return {"weights": total, "active": met}


def decoding(path: Path, asked: Asked, device: torch.device) -> dict[str, dict[str, Any]]:
    generator = torch.Generator().manual_seed(1)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    prompts = torch.randint(
        3, config["vocab_size"], (asked.sequences // GROUP, asked.prompt), generator=generator
    ).tolist()
    found: dict[str, dict[str, Any]] = {"r1web": {}, "transformers": {}}
    with measured(found["r1web"]):
        model = hf.load(path, torch.bfloat16).to(device).eval()
        work = sample(model, prompts, GROUP, asked.tokens)
        found["r1web"]["seconds"] = rounds(work, asked.rounds)
    del model, work
    with measured(found["transformers"]):
        generate = their_sampling(path, prompts, asked.tokens, device)
        found["transformers"]["seconds"] = rounds(generate, asked.rounds)
    for each in found.values():
        each["tokens_per_s"] = asked.sequences * asked.tokens / median(each["seconds"])
    return found


def their_sampling(
    path: Path, prompts: list[list[int]], tokens: int, device: torch.device
) -> Callable[[], object]:
    model = load_theirs(path, device)
    tokens_BT = torch.tensor(prompts, device=device).repeat_interleave(GROUP, 0)
    return lambda: model.generate(
        tokens_BT, attention_mask=torch.ones_like(tokens_BT), do_sample=True, top_k=0, top_p=1.0,
        temperature=1.0, max_new_tokens=tokens, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip


def load_theirs(path: Path, device: torch.device) -> Any:
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - takes seconds

    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16).to(device)


def training(
    path: Path, asked: Asked, process: Process, flops_per_step: float
) -> dict[str, dict[str, Any]]:
    device = process.device
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    generator = torch.Generator().manual_seed(2)
    shape = (asked.batch, asked.time)
    tokens_BT = torch.randint(3, config["vocab_size"], shape, generator=generator).to(device)
    found: dict[str, dict[str, Any]] = {"r1web": {}, "transformers": {}}
    with measured(found["r1web"]):
        step, ours_BT = our_step(path, tokens_BT, process)
        found["r1web"]["seconds"] = rounds(step, asked.rounds)
    del step
    with measured(found["transformers"]):
        step, theirs_BT = their_step(path, tokens_BT, device)
        found["transformers"]["seconds"] = rounds(step, asked.rounds)
    for each in found.values():
        seconds = median(each["seconds"])
        each["tokens_per_s"] = tokens_BT.numel() / seconds
        each["tflops"] = flops_per_step / seconds / 1e12
    apart_BT = (ours_BT - theirs_BT).abs()
    found["r1web"]["logprob_difference_mean"] = float(apart_BT.mean())
    found["r1web"]["logprob_difference_max"] = float(apart_BT.max())
    return found


def our_step(
    path: Path, tokens_BT: Tensor, process: Process
) -> tuple[Callable[[], object], Tensor]:
    """A step, and the log-probabilities of all tokens but the first before it."""
    optim = OptimConfig(weight_decay=0.0)
    model = hf.load(path, torch.bfloat16)
    engine = Engine(model, process, optim, zero_stage=1, dtype=torch.bfloat16)
    mask_BT = torch.ones_like(tokens_BT)
    scored_BT = mask_BT.bool()
    scored_BT[:, 0] = False

    def step() -> None:
        result = engine.logprobs(tokens_BT, mask_BT, scored_BT)
        engine.backward(-result.logprobs_BT.mean(), last=True)
        engine.step(1e-7)

    with torch.no_grad():
        return step, engine.logprobs(tokens_BT, mask_BT, scored_BT).logprobs_BT[:, 1:].cpu()


def their_step(
    path: Path, tokens_BT: Tensor, device: torch.device
) -> tuple[Callable[[], object], Tensor]:
    model = load_theirs(path, device).train()
    adamw = torch.optim.AdamW(model.parameters(), lr=1e-7, weight_decay=0.0, fused=True)

    def logprobs() -> Tensor:
        logits_BTV = model(tokens_BT[:, :-1], use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            logits_BTV.flatten(0, 1).float(), tokens_BT[:, 1:].flatten(), reduction="none"
        )
        return -losses.view(len(tokens_BT), -1)

    def step() -> None:
        (-logprobs().mean()).backward()
        adamw.step()
        adamw.zero_grad()

    with torch.no_grad():
        return step, logprobs().cpu()


def step_flops(shape: str, active: float, batch: int, time: int) -> float:
    """6 for each active weight and token, and causal attention there and twice back."""
    config = ModelConfig(**SHAPES[shape])  # type: ignore[arg-type] # numbers all
    widths = config.qk_head_dim + config.v_head_dim
    attention = config.num_hidden_layers * config.num_attention_heads * time * time * widths
    return batch * (6 * active * time + 3 * attention)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--shape", choices=list(SHAPES), default="1.6b")
    parser.add_argument("--sequences", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--time", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    options = vars(parser.parse_args())
    json_path, shape = options.pop("json"), options.pop("shape")
    asked, process = Asked(**options), Process("auto")
    found: dict[str, Any] = {"machine": asdict(machine(process.device)), "asked": options}

    def tell(name: str, value: dict[str, Any]) -> None:
        found[name] = value
        print(name, json.dumps(value), flush=True)
        if json_path is not None:
            json_path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")

    with TemporaryDirectory(prefix="r1web-gpu-") as scratch:
        path = Path(scratch)
        tell("model", {"shape": shape, **write_model(shape, path)})
        flops = step_flops(shape, found["model"]["active"], asked.batch, asked.time)
        tell("decoding", decoding(path, asked, process.device))
        tell("training", training(path, asked, process, flops))
    for each in found["training"].values():
        rate, own = each["tflops"], found["machine"]["bf16_tflop_per_s"]
        print(f"{rate:.0f} TFLOP/s: {rate / DATASHEET_TFLOPS:.1%} of the datasheet's, "
              f"{rate / own if own else 0:.1%} of this machine's products")  # fmt: skip


if __name__ == "__main__":
    main()
