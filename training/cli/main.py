"""Reads the command line and calls the command.

Nothing heavy is imported here: each command is imported when it is called.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

from training.cli.errors import UserError


def main(argv: list[str] | None = None) -> None:
    """Run one command; exits with 2 for a user's mistake and 1 for a failure of ours."""
    # Threads that spin while they wait take the processor from web, worker and browser, and lose
    # much of their own speed to them. It must stand in the environment before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    args = parser().parse_args(argv)
    module, _, name = args.command.partition(":")
    try:
        code = getattr(import_module(module), name)(args)
    except UserError as error:
        sys.exit(_complain(str(error)))
    sys.exit(code)


def _complain(message: str) -> int:
    """Once a machine: its processes find the same mistake."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        sys.stderr.write(f"{message}\n")
    return 2


def parser() -> ArgumentParser:
    top = ArgumentParser(prog="python -m training", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="run a GRPO job")
    train.set_defaults(command="training.cli.train:train_command")
    _add_config(train)
    train.add_argument("--run-dir", type=Path, required=True, help="where everything is written")
    _add_resume(train)

    estimate = commands.add_parser("estimate", help="tell how much memory a job will take")
    estimate.set_defaults(command="training.cli.estimate:estimate_command")
    _add_config(estimate)
    estimate.add_argument("--memory", metavar="80GB", help="of one device, instead of this one's")
    estimate.add_argument("--json", action="store_true", help="for programs")

    launch = commands.add_parser("launch", help="start a job's processes on this node")
    launch.set_defaults(command="training.cli.train:launch_command")
    launch.add_argument("--run-dir", type=Path, required=True)
    launch.add_argument("--nodes", type=int, default=1, help="how many nodes the job has")
    launch.add_argument("--node-rank", type=int, default=0, help="which of them this one is")
    launch.add_argument("--master-addr", default="127.0.0.1", help="address of node 0")
    launch.add_argument("--master-port", type=int, default=0, help="0: any free port (one node)")
    launch.add_argument("--node-names", default="", help="of all nodes, divided by commas")
    _add_resume(launch)

    pretrain = commands.add_parser("pretrain", help="make a base model; nano-base unless told")
    pretrain.set_defaults(command="training.cli.pretrain:pretrain_command")
    _add_config(pretrain, example="steps=300")
    pretrain.add_argument("--out", type=Path, required=True, help="directory for the model")

    _add_sample(commands.add_parser("sample", help="complete a prompt"))
    _add_serve(commands.add_parser("serve", help="answer requests, as JSON lines in and out"))

    evaluate = commands.add_parser("evaluate", help="pass@1, pass@k, cons@k on held-out problems")
    evaluate.set_defaults(command="training.cli.evaluate:evaluate_command")
    _add_config(evaluate, example="evaluation.completions_per_problem=16")
    evaluate.add_argument("--model", help="as for sample; unless given, the config's model.path")
    evaluate.add_argument("--run-dir", type=Path, help="write the result into a journal there")
    evaluate.add_argument("--json", action="store_true", help="for programs")

    safety = commands.add_parser("safety", help="safe answers, with and without risk control")
    safety.set_defaults(command="training.cli.safety:safety_command")
    _add_safety(safety)

    export = commands.add_parser("export", help="write a checkpoint as a Hugging Face directory")
    export.set_defaults(command="training.cli.export:export_command")
    _add_model(export)
    export.add_argument("--out", type=Path, required=True)
    export.add_argument("--dtype", choices=("bf16", "fp8"), default="bf16", help="of the weights")
    export.add_argument("--card", type=Path, help="README.md for it; a plain one unless given")
    export.add_argument(
        "--push", metavar="OWNER/NAME", help="upload it, too, with the token in HF_TOKEN"
    )
    export.add_argument(
        "--attached", action="store_true", help="end when standard input does: for programs"
    )
    _add_provenance(commands)
    return top


def _add_provenance(commands: Any) -> None:
    lineage = commands.add_parser("lineage", help="tell from what a checkpoint was made")
    lineage.set_defaults(command="training.cli.lineage:lineage_command")
    lineage.add_argument("path", type=Path, metavar="PATH", help="directory of a checkpoint")
    lineage.add_argument("--json", action="store_true", help="for programs")

    scan = commands.add_parser("scan", help="estimate how much of some texts is machine-written")
    scan.set_defaults(command="training.cli.scan:scan_command")
    scan.add_argument("files", nargs="+", metavar="FILE", help=".jsonl, .jsonl.gz or .parquet")
    scan.add_argument("--field", default="text", help="with the text; text unless told")
    scan.add_argument("--json", action="store_true", help="for programs")


def _add_config(command: ArgumentParser, example: str = "grpo.steps=10") -> None:
    command.add_argument("config", nargs="?", type=Path, help="TOML file with the settings")
    command.add_argument("--preset", help="preset that the settings are laid over")
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help=f"{example}, say"
    )


def _add_sample(command: ArgumentParser) -> None:
    command.set_defaults(command="training.cli.models:sample_command")
    _add_model(command)
    command.add_argument("question", help="put into R1's template unless --raw")
    command.add_argument("--raw", action="store_true", help="the question is the whole prompt")
    command.add_argument("--count", type=int, default=1, help="completions")
    command.add_argument("--max-new-tokens", type=int, default=128)
    command.add_argument("--temperature", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=0)


def _add_serve(command: ArgumentParser) -> None:
    command.set_defaults(command="training.cli.serve:serve_command")
    _add_model(command)
    command.add_argument("--config", type=Path, metavar="RUN_DIR", help="whose task and rewards")


def _add_safety(command: ArgumentParser) -> None:
    _add_model(command)
    command.add_argument("--set", metavar="FILE", help="JSONL; the shipped prompts unless told")
    command.add_argument("--keywords", metavar="FILE", help="TOML; the shipped terms unless told")
    command.add_argument("--judge-url", help="of an OpenAI-compatible endpoint, up to /v1")
    command.add_argument("--judge-model", help="the name by which the endpoint knows it")
    command.add_argument("--judge-key-variable", help="environment variable with its key")
    command.add_argument("--judge-timeout-s", type=float, default=60.0, help="of one question")
    command.add_argument("--judge-path", help="a model as judge, named as for --model")
    command.add_argument("--max-new-tokens", type=int, default=128)
    command.add_argument("--temperature", type=float, default=0.6)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--run-dir", type=Path, help="write safety.json and a journal there")
    command.add_argument("--json", action="store_true", help="the whole report, for programs")


def _add_resume(command: ArgumentParser) -> None:
    command.add_argument(
        "--resume", default="latest", metavar="latest|STEP|none", help="checkpoint to go on from"
    )


def _add_model(command: ArgumentParser) -> None:
    command.add_argument(
        "--model", default="nano-base", help="a shipped model, a checkpoint or a model directory"
    )
