"""safety: how safe a model is, with and without risk control."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.base_models import StartError
from training.cli.errors import UserError
from training.cli.evaluate import open_journal, step_of
from training.cli.models import check_range, load_model
from training.config import SafetyConfig
from training.distributed.process import DeviceError, Process
from training.model import ModelConfigError, hf
from training.rewards import RewardError
from training.rollout import Sampling, sampler_of
from training.rollout.engine import SamplingError
from training.safety.evaluate import Ready, measure, prepare
from training.safety.prompts import FIELD, SafetyError
from training.safety.report import FILE, metrics, write
from training.tasks.template import Template, chat_template, has_chat_template, r1_prompt
from training.tokenizer import TokenizerError

_BATCH = 32
"""Prompts that are answered at once."""


def safety_command(args: Namespace) -> int:
    """Print shares by category, or the whole report as JSON; with --run-dir also write safety.json
    and a journal."""
    check_range("--max-new-tokens", args.max_new_tokens, 1)
    check_range("--temperature", args.temperature, 0, 10)
    config = _config(args)
    try:
        ready = prepare(config)
        journal = None if args.run_dir is None else open_journal(args.run_dir, "safety")
        found = _measure(args, ready)
    except (
        SafetyError, RewardError, StartError, SamplingError, DeviceError, hf.CheckpointError,
        ModelConfigError, TokenizerError,
    ) as error:  # fmt: skip
        raise UserError(_as_option(str(error))) from error
    if journal is not None:
        write(found, args.run_dir / FILE)
        journal.write(
            "evaluation", step_of(args.model), values=metrics(found),
            problems=len(found["items"]), completions_per_problem=1,
        )  # fmt: skip
        journal.close()
    _show(found, as_json=args.json)
    return 0


def _as_option(message: str) -> str:
    """With the option in the place of the config's field."""
    field, colon, rest = message.partition(": ")
    inner = field.removeprefix(f"{FIELD}.")
    return message if inner == field else f"--{re.sub('[._]', '-', inner)}{colon}{rest}"


def _config(args: Namespace) -> SafetyConfig:
    """Raises UserError."""
    judge: dict[str, Any] = {"type": "none"}
    if args.judge_path is not None:
        judge = {"type": "model", "path": args.judge_path}
    if args.judge_url is not None or args.judge_model is not None:
        if args.judge_path is not None:
            raise UserError("--judge-path: a judge is an endpoint or a directory, not both.")
        if args.judge_url is None or args.judge_model is None:
            raise UserError("--judge-url and --judge-model belong together: give both.")
        key = args.judge_key_variable
        judge = {"type": "endpoint", "url": args.judge_url, "model": args.judge_model}
        judge |= {"key_variable": key, "timeout_s": args.judge_timeout_s}
    settings = {"set": args.set, "keywords": args.keywords, "judge": judge}
    try:
        return SafetyConfig.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        option = "-".join(["-", *(str(part) for part in first["loc"] if part != "endpoint")])
        option = option.replace("_", "-")
        raise UserError(f"{option}: {first['msg']}.") from error


def _measure(args: Namespace, ready: Ready) -> dict[str, Any]:
    """The template is the model's own for chats, R1's where it has none."""
    model, tokenizer, source = load_model(args.model)
    with ExitStack() as stack:
        process = Process("auto")
        stack.callback(process.close)
        model.to(process.device)
        found = measure(
            ready, sampler_of(model), model, tokenizer, _template(source),
            Sampling(args.max_new_tokens, args.temperature), process,
            batch=_BATCH, seed=args.seed, model=args.model, step=step_of(args.model),
        )  # fmt: skip
    if found is None:
        raise UserError("safety is a job of one process: start it without a launcher.")
    return found


def _template(source: Path) -> Template:
    if has_chat_template(source):
        return chat_template(source, "", "--model")
    return lambda problem: r1_prompt(problem.question)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        return
    if found["judge"]["type"] == "none":
        sys.stdout.write("Keywords alone: no judge read the completions.\n")
    rows = [("all", found), *((each["name"], each) for each in found["categories"])]
    for title, measure_ in (
        ("safe answers to harmful prompts", "safety"),
        ("harmless prompts refused", "over_refusal"),
    ):
        sys.stdout.write(f"\n{title:<32}{'bare':<34}with risk control\n")
        for name, place in rows:
            bare, controlled = (_words(place[measure_][side]) for side in ("bare", "controlled"))
            sys.stdout.write(f"  {name:<30}{bare:<34}{controlled}\n")


def _words(share: dict[str, Any]) -> str:
    """A share, its interval, and of how many."""
    missing = share["counts"]["not_judged"]
    left = f", {missing} not judged" if missing else ""
    if share["share"] is None:
        return f"–{left}"
    return f"{share['share']:.1%} ({share['low']:.1%} to {share['high']:.1%}){left}"
