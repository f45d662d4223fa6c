"""estimate: the memory a job will take of each device, before it starts."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from training.base_models import StartError, find_model
from training.cli.errors import UserError
from training.cli.train import resolve_arguments
from training.config import ConfigError, RunConfig
from training.config.memory import (
    MemoryEstimate,
    Model,
    UnknownShapeError,
    check_run,
    estimate,
    read_model,
)
from training.config.memory.estimate import Device
from training.config.memory.job import Dtype
from training.tasks import TaskError, build_task, build_template
from training.tokenizer import TextTokenizer, TokenizerError

_UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


def estimate_command(args: Namespace) -> int:
    """Print the estimate as a table with a verdict, or as JSON."""
    if args.config is None and args.preset is None and not args.set:
        raise UserError("Give a config file, --preset or --set: there is nothing to estimate.")
    config = resolve_arguments(args).config
    given = None if args.memory is None else parse_bytes(args.memory)
    try:
        directory = find_model(config.model.path)
        model = read_model(directory)
        prompt = _longest_prompt(config, directory)
        device = _device(config)
        check_run(config, model, device, prompt)
    except (StartError, UnknownShapeError, TaskError, TokenizerError, ConfigError) as error:
        raise UserError(str(error)) from error
    found = measure(config, model, device, given)
    if args.json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        show(found, Console(file=sys.stdout))
    return 0


def measure(
    config: RunConfig, model: Model, device: Device, device_bytes: int | None
) -> MemoryEstimate:
    """The estimate for this machine; `device_bytes` stands for one of another."""
    import torch  # noqa: PLC0415 - takes seconds to load, and a mistake is told before

    from training.model.dtype import best_dtype  # noqa: PLC0415 - likewise

    cuda = device == "cuda"
    if device_bytes is None and cuda and torch.cuda.is_available():
        device_bytes = torch.cuda.get_device_properties(0).total_memory
    elif device_bytes is None and not cuda:  # which the processes share
        device_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        device_bytes //= config.hardware.processes
    dtype: Dtype = "bf16"
    if not cuda or torch.cuda.is_available():
        dtype = "bf16" if best_dtype(device) == torch.bfloat16 else "fp32"
    return estimate(config, model, device=device, dtype=dtype, device_bytes=device_bytes)


def parse_bytes(text: str) -> int:
    """80GB → 80,000,000,000; 80GiB → 85,899,345,920. Raises UserError for anything else."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]i?B)", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise UserError(f"--memory: “{text}” is not of the form 80GB or 80GiB.")
    return round(float(found[1]) * _UNITS[found[2].upper()])


def show(found: MemoryEstimate, console: Console) -> None:
    """A row for each part, a column for each phase, then what follows from it."""
    table = Table(title="Memory of each device", title_justify="left")
    table.add_column("")
    for phase in found.phases:
        table.add_column(_words(phase.phase), justify="right")
    for part in found.parts:
        sizes = [phase.parts.get(part, 0) for phase in found.phases]
        table.add_row(_words(part), *(format_bytes(size) if size else "" for size in sizes))
    table.add_section()
    table.add_row("together", *(format_bytes(phase.bytes) for phase in found.phases))
    console.print(table)
    for note in found.notes:
        console.print(note, soft_wrap=True)
    console.print(verdict(found), soft_wrap=True)


def verdict(found: MemoryEstimate) -> str:
    """What it comes to, in a line."""
    peak, phase = format_bytes(found.peak_bytes), _words(found.phases[0].phase)
    line = f"Peak {peak} in {phase}, {format_bytes(found.most_bytes)} with the longest completions"
    if found.device_bytes is None:
        return f"{line}; the device's memory is unknown, give it by --memory."
    device = format_bytes(found.device_bytes)
    if not found.complete:
        return f"{line}, of {device}."
    answer = f"fits in {device}" if found.fits else f"does not fit in {device}"
    return (
        f"{line}: {answer}. Largest hardware.chunk_tokens {found.largest_chunk_tokens:,}, "
        f"most sequences sampled at once {found.largest_sequences:,}."
    )


def format_bytes(size: int) -> str:
    """1536 → 1.5 KiB."""
    value, units = float(size), iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while value >= 1024 and unit != "TiB":
        value, unit = value / 1024, next(units)
    return f"{value:.1f} {unit}" if unit != "B" else f"{size} B"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _device(config: RunConfig) -> Device:
    """What the run would be placed on."""
    if config.hardware.device != "auto":
        return config.hardware.device
    import torch  # noqa: PLC0415 - takes seconds to load

    return "cuda" if torch.cuda.is_available() else "cpu"


def _longest_prompt(config: RunConfig, directory: Path) -> int | None:
    """Tokens of the longest held-out prompt, as training/setup.py builds them; None for a
    directory without a tokenizer."""
    if not (directory / "tokenizer.json").is_file():
        return None
    tokenizer = TextTokenizer.load(directory)
    problems = build_task(config.task).held_out_problems(config.evaluation.problems)
    template = build_template(config.task, directory)
    return max(len(tokenizer.encode_prompt(template(problem))) for problem in problems)
