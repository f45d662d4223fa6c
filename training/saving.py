"""A stage's checkpoint, written by all ranks together."""

from __future__ import annotations

from pathlib import Path

from training import checkpoint
from training.setup import Setup
from training.work import Work


def save(setup: Setup, work: Work, step: int, score: float | None) -> checkpoint.Written | None:
    """Write a checkpoint; rank 0 learns what was written. `score` is the held-out pass@1 of this
    step of the stage, if it was measured. Raises OSError, and leaves nothing of it."""
    partial = checkpoint.partial_path(setup.run_dir, setup.planned.before + step)
    try:
        return _write(setup, work, step, partial, score)
    except OSError:
        checkpoint.abandon(partial)  # of a full disk so much is free again that it can be told
        raise


def _write(
    setup: Setup, work: Work, step: int, partial: Path, score: float | None
) -> checkpoint.Written | None:
    process, hardware = setup.process, setup.config.hardware
    if process.is_main:
        checkpoint.begin(partial)
        (partial / checkpoint.ROLLOUTS).mkdir()
    process.barrier()
    work.save(partial)
    process.barrier()
    written = None
    if process.is_main:
        manifest = checkpoint.Manifest(
            step=setup.planned.before + step, stage=setup.planned.name,
            ends_stage=step == setup.steps, tokens_total=setup.tokens_total,
            skipped_total=setup.skipped_total, processes=process.world_size,
            zero_stage=hardware.zero_stage, score=score, expert_parallel=hardware.expert_parallel,
            dtype=str(setup.dtype).removeprefix("torch."), lineage=setup.lineage,
        )  # fmt: skip
        written = checkpoint.commit(partial, manifest, setup.config.checkpoint)
    process.barrier()
    return written


def file_of_rank(directory: Path, rank: int) -> Path:
    """What one rank keeps of its rollouts, in a checkpoint or one in the making."""
    return directory / checkpoint.ROLLOUTS / f"rank-{rank:05d}.pkl"
