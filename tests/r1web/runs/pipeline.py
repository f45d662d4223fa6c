"""A run with a small pipeline, and the journal that its trainer would write."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from r1web.cluster.supervisor.ingest import ingest
from r1web.runs.models import Attempt, Run
from tests.r1web.cluster.test_ingest import lines_of, record

PIPELINE = {
    "pipeline": ["zero", "cold", "dev1", "preference", "final", "results"],
    "stages": {
        "zero": {"type": "grpo", "grpo": {"steps": 4}},
        "cold": {"type": "rejection_sampling", "start": "zero", "steps": 2},
        "dev1": {"type": "sft", "start": "base", "data": ["cold"], "steps": 3},
        "preference": {"type": "reward_model", "start": "dev1", "steps": 2},
        "final": {
            "type": "grpo",
            "grpo": {"steps": 4},
            "reward": {"model": {"path": "stage:preference"}},
        },
        "results": {
            "type": "evaluate",
            "models": ["base", "zero", "final"],
            "evaluation": {
                "completions_per_problem": 4,
                "sets": [{"name": "sums", "task": {"type": "reasoning_gym"}, "problems": 8}],
            },
        },
    },
}
KINDS = {name: stage["type"] for name, stage in PIPELINE["stages"].items()}  # type: ignore[attr-defined]  # a table of tables
PLACES = {
    "zero": (0, 4),
    "cold": (4, 6),
    "dev1": (6, 9),
    "preference": (9, 11),
    "final": (11, 15),
    "results": (15, 18),
}
MADE = {
    "zero": ("weights", "checkpoints/step-000004"),
    "cold": ("data", "datasets/cold.jsonl"),
    "dev1": ("weights", "checkpoints/step-000009"),
    "preference": ("reward_model", "checkpoints/step-000011"),
    "final": ("weights", "checkpoints/step-000015"),
}


@dataclass
class Told:
    """Tells a run's journal, line by line."""

    run: Run
    attempt: Attempt
    seq: int = 0
    offset: int = 0
    time: float = 1_800_000_000.0

    @classmethod
    def of(cls, run: Run, start_step: int = 0, before: "Told | None" = None) -> "Told":
        """A new attempt, which goes on with the journal of the one before."""
        now = timezone.now()
        number = run.attempts.count() + 1
        run.attempts.filter(ended_at=None).update(ended_at=now)
        seq, offset = (before.seq, before.offset) if before else (0, 0)
        attempt = Attempt.objects.create(
            run=run, number=number, start_step=start_step, claimed_at=now,
            journal_seq=seq, journal_offset=offset,
        )  # fmt: skip
        told = cls(run, attempt, seq, offset)
        told.tell(
            "started", start_step, start_step=start_step, total_steps=18, processes=1,
            device="cpu", dtype="fp32", parameters=1, versions={},
        )  # fmt: skip
        return told

    def tell(self, type_: str, step: int, stage: str = "grpo", **fields: Any) -> None:
        self.seq += 1
        self.time += 1
        data = record(self.seq, type_, step, stage=stage, time=self.time, **fields)
        lines = lines_of([data], self.offset)
        self.offset = lines[-1].end
        ingest(attempt_id=self.attempt.pk, lines=lines)

    def turn(self, name: str, state: str, **fields: Any) -> None:
        first, last = PLACES[name]
        step = last if state == "finished" else first
        self.tell(
            "stage", step, name, kind=KINDS[name], state=state, first_step=first, last_step=last,
            **fields,
        )  # fmt: skip

    def score(self, step: int, stage: str, value: float, model: str | None = None) -> None:
        values = {}
        for name in ("eval/pass_at_1", "eval/sums/pass_at_1"):
            values |= {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1}
        self.tell(
            "evaluation", step, stage, values=values, model=model, problems=8,
            completions_per_problem=4,
        )  # fmt: skip

    def do(self, name: str) -> None:
        """A whole stage, with what it leaves on disk."""
        first, last = PLACES[name]
        self.turn(name, "began")
        for step in range(first + 1, last + 1):
            self.tell("metrics", step, name, values={"reward/mean": step / 10})
        role, path = MADE[name]
        self.leave(path if role == "data" else f"{path}/weights")
        if role == "weights":
            self.score(last, name, last / 20)
            self.tell("checkpoint", last, name, path=path, bytes=1000, reason="stage")
        self.turn(name, "finished", outputs=[{"role": role, "path": path}])

    def leave(self, path: str) -> Path:
        made: Path = settings.R1WEB_RUNS_DIR / self.run.directory_name / path
        if made.suffix:
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text("{}\n")
        else:
            made.mkdir(parents=True, exist_ok=True)
        return made
