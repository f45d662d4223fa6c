"""train and launch: a run from its directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import traceback
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.cli.display import Display, make_display
from training.cli.errors import UserError
from training.config import ConfigError, Resolved, RunConfig, resolve
from training.distributed.launch import Launch, Nodes, launch
from training.distributed.watchdog import Watchdog
from training.journal import Journal
from training.stopping import StopRequest

CONFIG_FILE = "config.json"


def launch_command(args: Namespace) -> int:
    """Become DeepSpeed's launcher for this node; does not return."""
    nodes = Nodes(args.nodes, args.node_rank, args.master_addr, args.master_port, args.node_names)
    config = read_config(args.run_dir)
    if config.hardware.processes % nodes.count:
        raise UserError(
            f"hardware.processes: {config.hardware.processes} processes do not divide over "
            f"{nodes.count} nodes; take a multiple."
        )
    if nodes.count > 1 and not nodes.master_port:
        raise UserError("--master-port: several nodes need a port that all of them know.")
    command = launch(args.run_dir, config.hardware.processes, nodes, os.environ, args.resume)
    os.execve(command.argv[0], command.argv, command.env)  # noqa: S606 - our own command, no shell


def train_command(args: Namespace) -> int:
    """Run the job in this process, or through the launcher when it wants several."""
    stop = StopRequest()
    config = prepare_run_dir(args)
    if "WORLD_SIZE" not in os.environ and config.hardware.processes > 1:
        return _run(launch(
            args.run_dir, config.hardware.processes, Nodes(), os.environ, args.resume
        ))  # fmt: skip
    code = run(config, args.run_dir, args.resume, stop)
    if "WORLD_SIZE" in os.environ:
        # All is on disk, and who stops a job waits: torch would take a second to be taken down.
        sys.stdout.flush()
        os._exit(code)
    return code


def run(config: RunConfig, run_dir: Path, resume: str, stop: StopRequest) -> int:
    """One rank of the job; returns the exit code. Whatever ends it stands in the journal."""
    main = os.environ.get("RANK", "0") == "0"
    journal = _open_journal(run_dir, config.plan[0].name) if main else None
    display = make_display(config, sys.stdout) if main else Display()
    watchdog = _open_watchdog(run_dir, config.hardware.watchdog_s, journal)
    try:
        if journal is not None:
            journal.write("phase", 0, phase="loading")
        # It loads torch, which takes seconds: only now, after the first sign of life.
        job = import_module("training.cli.job")
        with display:
            outcome = job.run(
                config=config,
                run_dir=run_dir,
                resume=resume,
                journal=journal,
                stop=stop,
                display=display,
                enter=watchdog.enter,
            )
    except UserError as error:
        watchdog.fail(str(error))
        _finish(journal, "failed", str(error))
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: told, logged, exit code 1
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}".rstrip(".") + "."
        watchdog.fail(reason)
        _finish(journal, "failed", watchdog.others_end() or reason)
        return 1
    finally:
        watchdog.close()
    reasons = {"finished": "All steps are done.", "stopped": "It was asked to stop."}
    _finish(journal, outcome, reasons[outcome])
    return 0


def prepare_run_dir(args: Namespace) -> RunConfig:
    """The run's config, written to the run directory when this call brings one."""
    if args.config is None and args.preset is None and not args.set:
        return read_config(args.run_dir)
    resolved = resolve_arguments(args)
    file = args.run_dir / CONFIG_FILE
    text = json.dumps(resolved.as_json(), indent=2) + "\n"
    try:
        args.run_dir.mkdir(parents=True, exist_ok=True)
        if file.exists() and json.loads(file.read_text(encoding="utf-8")) != resolved.as_json():
            raise UserError(
                f"--run-dir: {args.run_dir} holds a run with another config; take a new directory."
            )
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--run-dir: {args.run_dir} cannot be written ({error.strerror})."
        ) from error
    return resolved.config


def resolve_arguments(args: Namespace) -> Resolved:
    """The config that CONFIG, --preset and --set come to."""
    try:
        return resolve(*read_arguments(args))
    except ConfigError as error:
        raise UserError(str(error)) from error


def read_arguments(args: Namespace) -> tuple[str | None, dict[str, Any]]:
    """The preset that is asked for, and what CONFIG and --set lay over it."""
    overrides: dict[str, Any] = _read_toml(args.config) if args.config else {}
    preset = args.preset or overrides.pop("preset", None)
    for assignment in args.set:
        _assign(overrides, assignment)
    return preset, overrides


def read_config(run_dir: Path) -> RunConfig:
    """RUN_DIR/config.json."""
    file = run_dir / CONFIG_FILE
    try:
        return RunConfig.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{file} is missing: give a config file or --preset.") from error
    except ValidationError as error:
        raise UserError(f"{file}: {ConfigError.from_pydantic(error)}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from error


def _assign(tree: dict[str, Any], assignment: str) -> None:
    """Put grpo.steps=10 into the tree; the value is TOML, or else plain text."""
    path, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(f"--set: “{assignment}” is not of the form FIELD=VALUE.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = path.strip().split(".")
    for depth, name in enumerate(parents, 1):
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            table = ".".join(parents[:depth])
            raise UserError(f"{table}: It is a table of fields, not {tree!r}: remove that value.")
    tree[last] = value


def _open_journal(run_dir: Path, first_stage: str) -> Journal:
    try:
        journal = Journal.go_on(run_dir, first_stage)
    except OSError as error:
        raise UserError(f"--run-dir: {run_dir} cannot be written ({error.strerror}).") from error
    if journal.torn:
        journal.write("log", 0, level="warning", message="The journal's last line was torn.")
    return journal


def _open_watchdog(run_dir: Path, limit_s: int, journal: Journal | None) -> Watchdog:
    try:
        return Watchdog(run_dir, limit_s)
    except OSError as error:
        reason = f"--run-dir: {run_dir} cannot be written ({error.strerror})."
        _finish(journal, "failed", reason)
        raise UserError(reason) from error


def _finish(journal: Journal | None, outcome: str, reason: str) -> None:
    if journal is not None:
        journal.write("finished", journal.step, outcome=outcome, reason=reason)
        journal.close()


def _run(command: Launch) -> int:
    """Run the launcher and wait. A signal to the group reaches it and its ranks by itself."""
    return subprocess.call(command.argv, env=command.env)
