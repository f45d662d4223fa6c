"""A run's stages: where each is, what flows between them, what it took, and how good it is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from r1web.ledger.schemas import EntryOut, SumOut
from r1web.ledger.selectors.ledgers import run_ledger, totals
from r1web.runs.models import ACTIVE, ENDED, Attempt, Event, Run, State
from r1web.runs.schemas import CheckpointOut
from r1web.runs.selectors.details import checkpoint_out, run_directory
from r1web.runs.selectors.plans import pipeline_of, plan_of
from r1web.runs.selectors.results import number_of, results_of, score_of
from r1web.runs.selectors.spending import seconds_held
from r1web.runs.sources import sources_of
from r1web.runs.stage_schemas import (
    StageInputOut,
    StageOut,
    StageOutputOut,
    StageScoreOut,
    StagesOut,
    StageState,
)
from r1web.runs.superseded import last_valid_steps
from training.config import PLAIN, Planned, RunConfig

TOLD = ("stage", "evaluation")
SCORE = "eval/pass_at_1"


def stages_of(run: Run) -> StagesOut:
    """All of it. Work that a later attempt did again counts in time and money only."""
    config, story, costs = pipeline_of(run), read_story(run), costs_by_stage(run)
    plan = plan_of(run)
    ends = checkpoints_at(run, [planned.last_step for planned in plan])
    stages = [
        StageOut(
            **_place(run, planned),
            **_course(run, config, planned, story),
            **_sums(costs.get(planned.name, [])),
            score=_score(planned, story.evaluations),
            checkpoint=ends.get(planned.last_step),
            waits_for=[],
        )
        for planned in plan
    ]
    finished = {stage.name for stage in stages if stage.state == "finished"}
    for stage in stages:
        needed = {each.stage for each in stage.inputs if each.stage is not None}
        stage.waits_for = [each.name for each in stages if each.name in needed - finished]
    return StagesOut(
        is_pipeline=config is not None,
        stages=stages,
        results=results_of(config, story.evaluations) if config else [],
    )


@dataclass(frozen=True)
class Story:
    """What the attempts have told of stages, in order."""

    attempts: list[Attempt]
    turns: list[Event]
    """All `stage` events, those of superseded steps too."""
    counting: list[Event]
    """Those that no later attempt superseded."""
    evaluations: list[Event]
    """Likewise."""
    now: datetime = field(default_factory=timezone.now)

    def of(self, name: str) -> list[Event]:
        return [event for event in self.counting if event.payload["stage"] == name]

    def seconds(self, name: str) -> float:
        """From the end of the stage before, since when it loads, to its own or its attempt's."""
        return sum(self._seconds(attempt, name) for attempt in self.attempts)

    def _seconds(self, attempt: Attempt, name: str) -> float:
        turns = [event for event in self.turns if event.attempt_id == attempt.pk]
        spent = 0.0
        for event, following in zip(turns, [*turns[1:], None], strict=False):  # the last has none
            over = event.payload["state"] == "finished"
            to = following if over else event
            if to is not None and to.payload["stage"] == name:
                end = following.at if following else attempt.ended_at or self.now
                spent += max(0.0, (end - event.at).total_seconds())
        return spent


def read_story(run: Run) -> Story:
    attempts = list(run.attempts.order_by("number"))
    limits = last_valid_steps(attempts)
    events = list(Event.objects.filter(run=run, type__in=TOLD).order_by("seq"))

    def counts(event: Event) -> bool:
        limit = None if event.attempt_id is None else limits.get(event.attempt_id)
        return limit is None or event.step <= limit

    valid = [event for event in events if counts(event)]
    return Story(
        attempts=attempts,
        turns=[event for event in events if event.type == "stage"],
        counting=[event for event in valid if event.type == "stage"],
        evaluations=[event for event in valid if event.type == "evaluation"],
    )


def costs_by_stage(run: Run) -> dict[str, list[SumOut]]:
    entries: dict[str, list[EntryOut]] = defaultdict(list)
    for entry in run_ledger(run).entries:
        entries[entry.stage].append(entry)
    return {stage: totals(mine) for stage, mine in entries.items()}


def checkpoints_at(run: Run, steps: Iterable[int]) -> dict[int, CheckpointOut]:
    """The newest of each of these steps that is there, by step."""
    there = run.checkpoints.filter(step__in=list(steps), deleted_at=None)
    found = there.select_related("attempt").order_by("pk")
    return {each.step: checkpoint_out(each) for each in found}


def _place(run: Run, planned: Planned) -> dict[str, Any]:
    return {
        "name": planned.name,
        "kind": planned.kind,
        "first_step": planned.before + 1,
        "last_step": planned.last_step,
        "steps": planned.steps,
        "done": max(0, min(planned.steps, run.last_step - planned.before)),
    }


def _sums(costs: list[SumOut]) -> dict[str, Any]:
    return {"costs": costs, "device_hours": sum(each.device_hours for each in costs)}


def _course(run: Run, config: RunConfig | None, planned: Planned, story: Story) -> dict[str, Any]:
    if config is None:
        spent = sum(seconds_held(attempt, story.now) for attempt in story.attempts)
        ended_at = run.ended_at if run.state == State.FINISHED else None
        weights = StageInputOut(
            role="weights", stage=None, path=run.config["model"]["path"], rows=None
        )
        return _told(
            run,
            began_at=run.started_at,
            finished_at=ended_at,
            seconds=spent,
            inputs=[weights],
            outputs=[],
        )
    events = story.of(planned.name)
    began = [event for event in events if event.payload["state"] == "began"] or events[:1]
    done = events[-1] if events and events[-1].payload["state"] == "finished" else None
    told = next((event.payload["inputs"] for event in reversed(events) if _has_inputs(event)), None)
    inputs = _inputs_ahead(config, planned.name) if told is None else told
    outputs = done.payload["outputs"] if done else []
    return _told(
        run,
        began_at=began[-1].at if began else None,
        finished_at=done.at if done else None,
        seconds=story.seconds(planned.name),
        inputs=[StageInputOut.model_validate(each) for each in inputs],
        outputs=[StageOutputOut.model_validate(each) for each in outputs],
    )


def _told(
    run: Run,
    *,
    began_at: datetime | None,
    finished_at: datetime | None,
    seconds: float,
    inputs: list[StageInputOut],
    outputs: list[StageOutputOut],
) -> dict[str, Any]:
    return {
        "state": _state(run, began_at, finished_at),
        "began_at": began_at,
        "finished_at": finished_at,
        "seconds": seconds,
        "inputs": inputs,
        "outputs": outputs,
    }


def _state(run: Run, began_at: datetime | None, finished_at: datetime | None) -> StageState:
    if finished_at is not None:
        return "finished"
    if began_at is None or run.state not in ACTIVE | ENDED:
        return "waiting"
    if run.state in ENDED:
        return "failed" if run.state == State.FAILED else "stopped"
    return "running"


def _has_inputs(event: Event) -> bool:
    return bool(event.payload["inputs"])


def _inputs_ahead(config: RunConfig, name: str) -> list[dict[str, Any]]:
    """By the config, where the stage has not told them itself."""
    return [{**each._asdict(), "rows": None} for each in sources_of(config, name)]


def _score(planned: Planned, evaluations: Sequence[Event]) -> StageScoreOut | None:
    """The newest of its own policy."""
    for event in reversed(evaluations):
        if event.payload.get("model") is None and event.payload.get("stage", PLAIN) == planned.name:
            found = score_of(event.payload["values"], SCORE)
            problems = int(number_of(event.payload["problems"]) or 0)
            if found is None:
                return None
            return StageScoreOut(**found.model_dump(), step=event.step, problems=problems)
    return None


def products_of(run: Run) -> dict[tuple[str, str], Path]:
    """Where what finished stages have left lies, by stage and role."""
    found = {}
    for event in read_story(run).counting:
        for output in event.payload["outputs"]:
            path = run_directory(run) / output["path"]
            found[event.payload["stage"], output["role"]] = path
    return found
