"""export: a directory for others, which transformers has opened before us."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from argparse import Namespace
from pathlib import Path

import torch

from training.base_models import StartError, find_model
from training.cli.errors import UserError
from training.cli.models import load_model
from training.model import Transformer, hf, policy
from training.release import card, checking, pushing, writing


def export_command(args: Namespace) -> int:
    """Write model, tokenizer and card, check them, and push them where that is asked for."""
    if args.attached:
        threading.Thread(target=_end_with_input, name="attached", daemon=True).start()
    to = pushing.destination(args.push) if args.push else None
    given = _given_card(args.card)
    source = _source(args.model)
    try:
        asked = writing.Asked(
            dtype=args.dtype,
            source=writing.digest_of(source),
            card=hashlib.sha256(given.encode()).hexdigest() if given else "",
        )
        if writing.already_there(args.out, asked):
            _say(f"{args.out}: already there, whole and the same")
        else:
            writing.write(args.out, asked, lambda out: _fill(out, args, source, given))
            _say(f"{args.out}: written")
    except OSError as error:
        raise UserError(f"--out: {args.out} cannot be written ({error.strerror}).") from error
    if to:
        _say(f"Pushing to {to.repo}")
        _say(f"{args.out}: pushed to {pushing.push(args.out, to)}")
    return 0


def _fill(out: Path, args: Namespace, source: Path, given: str) -> str:
    """Write all but release.json into `out`, and say what the check has shown."""
    fp8 = args.dtype == "fp8"
    _say("Reading the model")
    model, _, _ = load_model(args.model, dtype=torch.bfloat16)
    _say("Writing the weights")
    if isinstance(model, Transformer):
        hf.save(model, out, source, fp8=fp8)
    elif fp8:
        raise UserError("--dtype fp8: only DeepSeek-V2 and V3 models have a published FP8 layout.")
    else:
        policy.save(model, out, source)
    del model  # the check reads it twice
    (out / card.CARD).write_text(given or card.plain_card(source, args.dtype), encoding="utf-8")
    _say("Comparing with transformers")
    checked = checking.check(out, fp8=fp8)
    _say(f"{args.out}: {checked}")
    return checked


def _given_card(path: Path | None) -> str:
    """Empty: none was given. Raises UserError."""
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--card: {path} cannot be read as UTF-8 text ({error}).") from error
    if not text.strip():
        raise UserError(f"--card: {path} is empty: leave --card out for a plain card.")
    return text


def _source(name: str) -> Path:
    try:
        return find_model(name)
    except StartError as error:
        raise UserError(str(error)) from error


def _end_with_input() -> None:
    """Who holds its other end is gone, and nobody follows this export any more."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(line: str) -> None:
    """One line at a time, for those who follow."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
