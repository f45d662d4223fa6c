"""Requests at the times of a schedule, whether or not earlier ones have been answered."""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException

from benchmarks.load.plan import newest_rollouts
from benchmarks.load.rest import TIMEOUT_S, AnswerError, Rest
from benchmarks.load.together import Side

IN_FLIGHT = 64
"""At most; who waits for a place waits within the measured time."""


@dataclass
class Answers:
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each kind, from the time of the schedule on."""
    errors: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


class Asker:
    """What the browser app and scripts ask, about a random run."""

    def __init__(self, side: Side) -> None:
        self.runs = side.plan.runs
        self.rest = Rest(side.plan.port, {"Cookie": f"sessionid={side.plan.session}"})
        self.read: dict[int, int] = dict.fromkeys(self.runs, 0)
        """Events that a script which follows a run has, by run."""
        self.began = 0.0
        self.answers = Answers()

    def ask(self, kind: str, place: int, due: float) -> None:
        if time.time() - due > TIMEOUT_S:
            self.answers.errors[f"{kind}: no place within {TIMEOUT_S:.0f} s"] += 1
            return
        try:
            body = self.rest.get(KINDS[kind][1](self, place))
        except (AnswerError, OSError, HTTPException) as error:
            self.answers.errors[f"{kind}: {str(error) or type(error).__name__}"] += 1
            return
        self.answers.seconds[kind].append(time.time() - due)
        self.answers.bytes += len(body)
        if kind == "events":
            self._note(self.runs[place], body)

    def _note(self, run: int, body: bytes) -> None:
        for event in json.loads(body)["items"][-1:]:
            self.read[run] = event["seq"]

    def events(self, place: int) -> str:
        run = self.runs[place]
        return f"/runs/{run}/events?after_seq={self.read[run]}&limit=1000"

    def rollouts(self, place: int) -> str:
        step = newest_rollouts(place, time.time() - self.began)
        chosen = f"step={step}&" if step else ""
        return f"/runs/{self.runs[place]}/rollouts?{chosen}limit=16"


Path = Callable[[Asker, int], str]
KINDS: dict[str, tuple[int, Path]] = {
    "list": (15, lambda _asker, _place: "/runs?limit=100"),
    "run": (20, lambda asker, place: f"/runs/{asker.runs[place]}"),
    "metrics, all": (5, lambda asker, place: f"/runs/{asker.runs[place]}/metrics?max_points=2000"),
    "metrics, two": (
        10,
        lambda asker, place: f"/runs/{asker.runs[place]}/metrics?names=reward/mean,optim/loss",
    ),
    "events": (15, Asker.events),
    "rollouts": (20, Asker.rollouts),
    "nodes": (5, lambda _asker, _place: "/nodes"),
    "queue": (5, lambda _asker, _place: "/queue"),
    "health": (5, lambda _asker, _place: "/health/ready"),
}
"""What is asked, and how often of a hundred times."""


def ask(side: Side) -> Answers:
    rng = random.Random(2)  # noqa: S311 - a workload, not a secret
    kinds, weights = list(KINDS), [weight for weight, _ in KINDS.values()]
    asker = Asker(side)
    size = side.plan.size
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        side.ready()
        asker.began = due = time.time()
        while (due := due + rng.expovariate(size.requests)) < asker.began + size.seconds:
            time.sleep(max(0.0, due - time.time()))  # the schedule of arrivals
            (kind,) = rng.choices(kinds, weights)
            threads.submit(asker.ask, kind, rng.randrange(len(asker.runs)), due)
    return asker.answers
