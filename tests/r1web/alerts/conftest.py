"""Rules without the defaults' company, journals, and somebody who is sent alerts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import Settings

from r1web.alerts.models import Rule, RuleKind
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.tail import Line
from r1web.runs.models import Attempt, Run, State
from tests.r1web.receiver import Receiver, receiving

SECRET = "a secret of the receiver's"


@dataclass
class Journal:
    """Appends lines as a trainer does, and has them ingested at once."""

    attempt: Attempt
    seq: int = 0
    offset: int = 0

    def tell(self, *events: dict[str, Any]) -> None:
        lines = []
        for event in events:
            self.seq += 1
            record = {"seq": self.seq, "time": float(self.seq), "type": "metrics", **event}
            data = json.dumps(record).encode()
            self.offset += len(data) + 1
            lines.append(Line(data, self.offset))
        ingest(attempt_id=self.attempt.pk, lines=lines)

    def values(self, name: str, *values: float | str, first_step: int = 1) -> None:
        self.tell(
            *(
                {"step": step, "values": {name: value}}
                for step, value in enumerate(values, first_step)
            )
        )


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    """A running run without rules."""
    made = make_run(State.RUNNING)
    Rule.objects.all().delete()
    return made


@pytest.fixture
def journal(run: Run) -> Journal:
    return Journal(Attempt.objects.create(run=run, number=1))


@pytest.fixture
def make_rule(run: Run) -> Callable[..., Rule]:
    """A rule of the run: kl/mean above 1, for one point, unless told otherwise."""

    def make(**fields: Any) -> Rule:
        usual: dict[str, Any] = {}
        if fields.get("kind", RuleKind.THRESHOLD) == RuleKind.THRESHOLD:
            usual = {"metric": "kl/mean", "direction": "above", "limit": 1.0, "points": 1}
        given = {"name": "KL", "kind": RuleKind.THRESHOLD, **usual, **fields}
        return Rule.objects.create(project=run.project, run=run, **given)

    return make


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.R1WEB_WEBHOOK_LOOPBACK = True
    with receiving() as made:
        yield made
