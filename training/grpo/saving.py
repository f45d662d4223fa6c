"""What a run keeps in a checkpoint, and finds there again."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import checkpoint
from training.distributed.process import Process
from training.grpo.ahead import Stock
from training.grpo.rollouts import Group
from training.grpo.setup import Setup
from training.model import policy


@dataclass(frozen=True)
class Kept:
    """One rank's rollouts and what its task has learnt: all that neither the weights nor the
    optimiser know, and that does not follow from seed and step."""

    stock: Stock = field(default_factory=Stock)
    waiting: list[list[Group]] = field(default_factory=list)
    """The rest of the collection that is being trained on, a step's groups each."""
    task: dict[str, Any] = field(default_factory=dict)


def read_kept(start: checkpoint.Checkpoint | None, rank: int) -> Kept:
    """Of a checkpoint, whose files have been verified; nothing when there is none."""
    if start is None:
        return Kept()
    with _file(start.path, rank).open("rb") as file:
        kept: Kept = pickle.load(file)  # noqa: S301 - our own, like the engine's state beside it
    return kept


def save(
    setup: Setup, process: Process, step: int, score: float | None, kept: Kept
) -> checkpoint.Written | None:
    """Write a checkpoint, all ranks together; rank 0 learns what was written. `score` is the
    held-out pass@1 of this step, if it was measured. Raises OSError, and leaves nothing of it."""
    partial = checkpoint.partial_path(setup.run_dir, step)
    try:
        return _write(setup, process, step, partial, score, kept)
    except OSError:
        checkpoint.abandon(partial)  # of a full disk so much is free again that it can be told
        raise


def _write(
    setup: Setup, process: Process, step: int, partial: Path, score: float | None, kept: Kept
) -> checkpoint.Written | None:
    if process.is_main:
        checkpoint.begin(partial)
        (partial / checkpoint.ROLLOUTS).mkdir()
        policy.save(setup.engine.policy, partial / checkpoint.WEIGHTS, setup.tokenizer_path)
        if setup.reference is not None:
            policy.save(setup.reference, partial / checkpoint.REFERENCE)
    process.barrier()
    with _file(partial, process.rank).open("wb") as file:
        pickle.dump(kept, file)
    setup.engine.save(partial / checkpoint.ENGINE)
    process.barrier()
    written = None
    if process.is_main:
        config = setup.config
        manifest = checkpoint.Manifest(
            step=step, tokens_total=setup.tokens_total, skipped_total=setup.skipped_total,
            processes=process.world_size,
            zero_stage=config.hardware.zero_stage, score=score,
            expert_parallel=config.hardware.expert_parallel,
            dtype=str(setup.dtype).removeprefix("torch."),
        )  # fmt: skip
        written = checkpoint.commit(partial, manifest, config.checkpoint)
    process.barrier()
    return written


def _file(directory: Path, rank: int) -> Path:
    return directory / checkpoint.ROLLOUTS / f"rank-{rank:05d}.pkl"
