"""serve: answer requests that come as JSON lines, see docs/playground.md."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace

from training.base_models import StartError
from training.cli.errors import UserError
from training.cli.models import load_model
from training.cli.train import read_config
from training.rewards import RewardError
from training.rollout.engine import SamplingError
from training.serving.served import Served
from training.serving.server import Server
from training.tasks import TaskError


def serve_command(args: Namespace) -> int:
    """Say that the model is there, then answer until standard input ends."""
    # Libraries may print; the lines of the protocol have a descriptor of their own.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    began = time.monotonic()
    try:
        config = None if args.config is None else read_config(args.config)
        served = Served.of(*load_model(args.model), config)
    except (StartError, TaskError, RewardError, SamplingError) as error:
        raise UserError(str(error)) from error
    ready = {"id": None, "type": "ready", "load_s": time.monotonic() - began, **served.about()}
    out.write(json.dumps(ready) + "\n")
    out.flush()
    try:
        Server(served, sys.stdin, out).run()
    finally:
        if served.run is not None:
            served.run.scoring.close()
    return 0
