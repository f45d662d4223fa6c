"""Which stages a run has, with their steps, as its frozen config says."""

from r1web.runs.models import Run
from training.config import PLAIN, Planned, RunConfig


def pipeline_of(run: Run) -> RunConfig | None:
    """The config of a run with a pipeline; None for a plain one, whose config may be older than
    today's schema."""
    return RunConfig.model_validate(run.config) if run.config.get("pipeline") else None


def plan_of(run: Run) -> list[Planned]:
    """Its stages in order; a plain run is one."""
    config = pipeline_of(run)
    return config.plan if config else [Planned(PLAIN, "grpo", 0, run.total_steps)]
