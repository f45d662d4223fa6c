"""What is read for a report, once: some tens of queries, however long the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from r1web.accounts.models import User
from r1web.ledger.schemas import LedgerOut
from r1web.ledger.selectors import run_ledger
from r1web.metrics.selectors import Columns, read_metrics
from r1web.provenance.schemas import ProvenanceOut
from r1web.provenance.selectors import provenance_of
from r1web.runs.models import Attempt, Event, Run
from r1web.runs.selectors import stages_of
from r1web.runs.selectors.stages import read_story
from r1web.runs.stage_schemas import StagesOut
from training.config import PLAIN

MOST_POINTS = 240
"""Of a curve; more would not be seen on paper."""
CURVES = {
    "reward/mean": ("Reward, mean of a step", ""),
    "eval/pass_at_1": ("Held-out pass@1, with its 95 % interval", ""),
    "completion/length_mean": ("Completion length, mean", "tokens"),
    "kl/mean": ("KL to the reference, mean", "nats"),
    "entropy/mean": ("Entropy, mean", "nats"),
    "optim/loss": ("Loss", ""),
}
BOUNDS = ("eval/pass_at_1_low", "eval/pass_at_1_high")
COUNTED = ("completion/truncated", "reward/errors", "optim/skipped", "groups/flat", "reward/std")


@dataclass(frozen=True)
class Facts:
    run: Run
    stages: StagesOut
    ledger: LedgerOut
    attempts: Sequence[Attempt]
    evaluations: Sequence[Event]
    """Those that count, in order."""
    started: Sequence[Event]
    """One for each attempt whose trainer came up."""
    series: Mapping[str, Columns]
    provenance: ProvenanceOut
    """With the line of the newest checkpoint."""

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Each stage's own tables, by its name; of a plain run all of the config."""
        if not self.stages.is_pipeline:
            return {PLAIN: {"type": "grpo", **self.run.config}}
        return {name: self.run.config["stages"][name] for name in self.run.config["pipeline"]}

    def mean(self, name: str) -> float | None:
        """Of all points that count; None where there is none."""
        columns = self.series.get(name)
        if columns is None:
            return None
        known = np.isfinite(columns.values)
        if not known.any():
            return None
        return float(np.average(columns.values[known], weights=columns.counts[known]))


def read_facts(run: Run, reader: User) -> Facts:
    story = read_story(run)
    metrics = read_metrics(
        run_id=run.pk, names=[*CURVES, *BOUNDS, *COUNTED], max_points=MOST_POINTS
    )
    started = Event.objects.filter(run=run, type="started").select_related("attempt")
    return Facts(
        run=run,
        stages=stages_of(run),
        ledger=run_ledger(run),
        attempts=list(run.attempts.select_related("node").order_by("number")),
        evaluations=story.evaluations,
        started=list(started.order_by("seq")),
        series={each.name: each.columns for each in metrics.series if each.columns.total},
        provenance=provenance_of(reader, run, most=1),
    )
