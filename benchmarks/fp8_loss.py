"""What FP8 training costs in loss: the shipped nano-base, trained on in bf16, fp32 and FP8.

All runs start from the same weights and see the same new documents of nano-base's corpus. `fp8` is
the whole recipe: products in FP8 (training/model/fp8.py) and Adam's moments in bf16; the others
keep fp32 moments. fp32 is the yardstick: two runs that round differently drift apart whatever the
formats are. With --fresh they start from random weights instead.

    .venv/bin/python -m benchmarks.fp8_loss --out /tmp/fp8-loss

Runs that OUT holds already are not repeated. The table goes to the terminal, the figures to
OUT/result.json and the plot to OUT/loss.svg.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from benchmarks.fp8_plot import plot
from benchmarks.report import machine
from benchmarks.workload import BASE
from training.config import PretrainConfig
from training.config.presets import pretrain_config
from training.distributed.process import Process
from training.model import Transformer, hf
from training.pretrain import make_engine, train_steps
from training.tokenizer import TextTokenizer

VARIANTS = {
    "bf16": {"dtype": "bf16", "moment_dtype": "fp32"},
    "fp32": {"dtype": "fp32", "moment_dtype": "fp32"},
    "fp8": {"dtype": "fp8", "moment_dtype": "bf16"},
}
WINDOW = 20
"""Steps that a smoothed loss is the mean of, the newest last."""
LAST = 100
"""Steps at the end over which differences are averaged."""
BOUND = 0.0025
"""DeepSeek-V3's report (section 3.3): relative loss error below 0.25 %."""


def config_of(variant: str, arguments: argparse.Namespace) -> PretrainConfig:
    return pretrain_config("nano-base").model_copy(
        update={
            "seed": arguments.seed,
            "steps": arguments.steps,
            "documents_per_step": arguments.documents,
            "learning_rate": arguments.learning_rate,
            **VARIANTS[variant],
        }
    )


def losses_of(variant: str, arguments: argparse.Namespace, process: Process) -> list[float]:
    """Loss (nats per token) of each step of a run; trains it unless it is there."""
    file: Path = arguments.out / f"{variant}.json"
    if not file.exists():
        model = hf.load(BASE, torch.float32)
        if arguments.fresh:
            torch.manual_seed(arguments.seed)
            model = Transformer(model.config)
        config = config_of(variant, arguments)
        losses = []
        steps = train_steps(make_engine(model, config, process), config, TextTokenizer.load(BASE))
        for step, values in enumerate(steps, start=1):
            losses.append(values["optim/loss"])
            if step % WINDOW == 0:
                print(
                    f"{variant} step {step}  loss {sum(losses[-WINDOW:]) / WINDOW:.4f}", flush=True
                )
        file.write_text(json.dumps(losses), encoding="utf-8")
    found: list[float] = json.loads(file.read_text(encoding="utf-8"))
    return found


def smoothed(losses: list[float]) -> list[float]:
    """Means over the newest `WINDOW` steps; the first belongs to step `WINDOW`."""
    return [sum(losses[end - WINDOW : end]) / WINDOW for end in range(WINDOW, len(losses) + 1)]


def difference(losses: list[float], base: list[float]) -> list[float]:
    """Relative difference of smoothed losses."""
    pairs = zip(smoothed(losses), smoothed(base), strict=True)
    return [(mine - other) / other for mine, other in pairs]


def figures(losses: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Each run against bf16."""
    rows = {}
    for variant, values in losses.items():
        apart = difference(values, losses["bf16"])
        rows[variant] = {
            "loss": smoothed(values)[-1],
            "difference_at_the_end": apart[-1],
            "difference_mean": sum(apart[-LAST:]) / LAST,
            "difference_largest": max(apart[-LAST:], key=abs),
        }
    return rows


def show(rows: dict[str, dict[str, float]]) -> None:
    heads = ("loss", "at the end", f"mean of {LAST}", f"largest of {LAST}")
    print(f"{'':6}" + "".join(f"{head:>16}" for head in heads))
    for variant, row in rows.items():
        loss, *parts = row.values()
        print(f"{variant:6}{loss:16.4f}" + "".join(f"{100 * part:+15.3f}%" for part in parts))
    within = all(
        abs(rows["fp8"][name]) <= BOUND for name in ("difference_at_the_end", "difference_mean")
    )
    print(f"fp8 is {'within' if within else 'NOT within'} {100 * BOUND} % of bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="where runs and results go")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--documents", type=int, default=24, help="documents a step")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=1, help="nano-base has seen that of 0")
    parser.add_argument("--fresh", action="store_true", help="start from random weights")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    process = Process("cpu")
    losses = {variant: losses_of(variant, arguments, process) for variant in VARIANTS}
    process.close()
    rows = figures(losses)
    show(rows)
    settings = {name: value for name, value in vars(arguments).items() if name != "out"}
    report = {"machine": machine(), "settings": settings, "window": WINDOW, "last": LAST,
              "results": rows, "losses": losses}  # fmt: skip
    (arguments.out / "result.json").write_text(json.dumps(report) + "\n", encoding="utf-8")
    curves = {variant: smoothed(values) for variant, values in losses.items()}
    apart = {name: difference(losses[name], losses["bf16"]) for name in ("fp8", "fp32")}
    picture = plot(curves, apart, first_step=WINDOW, bound=BOUND)
    (arguments.out / "loss.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
