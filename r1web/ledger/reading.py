"""Splits an attempt's time among phases, as its journal tells of them; knows no database.

A reading only ever moves forward, from the lease's beginning to its end, and books whatever it
passes as some phase: so the phases add up to the leased time, whatever journal and clocks say.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from r1web.ledger.models import Phase
from training.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    FinishedEvent,
    MetricsEvent,
    PhaseEvent,
    StageEvent,
    StartedEvent,
)

DAY_MS = 24 * 3600 * 1000
OF_JOURNAL = {
    "loading": Phase.IDLE,
    "sampling": Phase.SAMPLING,
    "rewarding": Phase.REWARD,
    "training": Phase.TRAINING,
    "evaluating": Phase.EVALUATION,
    "checkpointing": Phase.CHECKPOINT,
}
"""The ledger's word for what a phase event says."""
NO_WORK = frozenset({Phase.IDLE, Phase.WASTE})
STAGE = "grpo"
"""That of lines that name none, and of the time before the first line."""

STAGE_LENGTH = 60

Key = str
"""Of an account: day since 1970, phase and stage, as in "20420/sampling/grpo"."""


def key_of(day: int, phase: str, stage: str) -> Key:
    return f"{day}/{phase}/{stage}"


def parts_of(key: Key) -> tuple[int, str, str]:
    """Day since 1970, phase, stage."""
    day, phase, stage = key.split("/", 2)
    return int(day), phase, stage


def _is_done(event: StartedEvent | FinishedEvent | StageEvent) -> bool:
    """Whether nothing that came before it can be lost any more by what comes now."""
    if isinstance(event, StageEvent):
        return event.state == "finished"
    return isinstance(event, FinishedEvent) and event.outcome != "failed"


def wasted(key: Key) -> Key:
    """Where its time goes when the work is lost."""
    day, _, stage = parts_of(key)
    return key_of(day, Phase.WASTE, stage)


@dataclass
class Reading:
    """Milliseconds of one device; all devices of an attempt do the same."""

    until_ms: int
    """Unix time up to which all is in some account."""
    phase: str = Phase.IDLE
    stage: str = STAGE
    fresh: dict[Key, int] = field(default_factory=dict)
    """What is not in the bookings yet."""
    unsettled: dict[Key, int] = field(default_factory=dict)
    """Work since the last result: a crash now would lose it."""
    moves: list[tuple[Key, Key, int]] = field(default_factory=list)
    """From one account to another, in the bookings already."""

    def as_json(self) -> dict[str, Any]:
        """Without `moves`, which are made at once."""
        names = ("until_ms", "phase", "stage", "fresh", "unsettled")
        return {name: getattr(self, name) for name in names}

    def run_to(self, when_ms: int) -> None:
        """Account for the time until then, midnight by midnight; never backwards."""
        while self.until_ms < when_ms:
            day = self.until_ms // DAY_MS
            until = min(when_ms, (day + 1) * DAY_MS)
            key, lasted = key_of(day, self.phase, self.stage), until - self.until_ms
            self.fresh[key] = self.fresh.get(key, 0) + lasted
            if self.phase not in NO_WORK:
                self.unsettled[key] = self.unsettled.get(key, 0) + lasted
            self.until_ms = until

    def take(self, event: Event, now_ms: int) -> None:
        """What a line of the journal says. Nothing has happened later than now."""
        match event:
            case PhaseEvent():
                self._pass(event, now_ms)
                self.phase, self.stage = OF_JOURNAL[event.phase], event.stage[:STAGE_LENGTH]
            case MetricsEvent():
                self._pass(event, now_ms)
                self._split_sampling(event.values)
                self.unsettled = {}
            case EvaluationEvent() | CheckpointEvent():
                self._pass(event, now_ms)
                self.unsettled = {}
            case StartedEvent() | FinishedEvent() | StageEvent():
                self._pass(event, now_ms)
                self.phase, self.stage = Phase.IDLE, event.stage[:STAGE_LENGTH]
                if _is_done(event):
                    self.unsettled = {}

    def give_up(self) -> None:
        """The attempt is over: what has led to nothing is lost."""
        for key, ms in self.unsettled.items():
            self._move(key, wasted(key), ms)
        self.unsettled = {}
        self.phase = Phase.IDLE

    def _pass(self, event: Event, now_ms: int) -> None:
        told_ms = min(event.time * 1000, now_ms)
        if told_ms > self.until_ms:
            self.run_to(int(told_ms))

    def _split_sampling(self, values: Mapping[str, float]) -> None:
        """The journal knows no phase for rewards, as they are computed between samples; the step's
        metrics tell their share."""
        rollout_s, reward_s = values.get("time/rollout_s", 0.0), values.get("time/reward_s", 0.0)
        if not (reward_s > 0 and rollout_s >= 0 and math.isfinite(rollout_s + reward_s)):
            return
        share = reward_s / (rollout_s + reward_s)
        for key, ms in list(self.unsettled.items()):
            day, phase, stage = parts_of(key)
            if phase == Phase.SAMPLING:
                self._move(key, key_of(day, Phase.REWARD, stage), int(ms * share))

    def _move(self, origin: Key, to: Key, ms: int) -> None:
        here = min(ms, self.fresh.get(origin, 0))
        if here:
            self.fresh[origin] -= here
            self.fresh[to] = self.fresh.get(to, 0) + here
        if ms > here:
            self.moves.append((origin, to, ms - here))
