"""Completions go out as JSON lines and Parquet, ready for supervised training."""

import io
import json
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from r1web.accounts.models import User
from r1web.rollouts.selectors.exporting import MAPS
from r1web.rollouts.services import append_groups, seal_full
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.metrics.test_api import body_of
from tests.r1web.rollouts.told import rollouts

pytestmark = pytest.mark.django_db(transaction=True)  # each piece is read in a thread
STEPS = 40
"""More groups than are read at once, in two segments of which one is full."""


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    told = [rollouts(step, 0, [0.0, 1.0, float("nan")]) for step in range(1, STEPS + 1)]
    for event in told:
        verdict = {"parsed": "41", "reasons": {"accuracy": "not 42"}}
        event.completions[1] = event.completions[1].model_copy(update=verdict)
    append_groups([(attempt, event) for event in told])
    assert len(list(seal_full())) == 1
    return run


def test_lines_hold_messages_and_what_is_known(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/completions/export", where=["reward=1"])
    assert answer.headers["Content-Disposition"].endswith(f'"run-{run.pk}-completions.jsonl"')
    rows = [json.loads(line) for line in body_of(answer).decode().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    group = run.groups.get(step=1)
    assert rows[0] == {
        "prompt": [{"role": "user", "content": "question 0"}],
        "completion": [{"role": "assistant", "content": "<think>1</think><answer>1.0</answer>"}],
        "text_prompt": "User: question 0",
        "answer": "42",
        "task": "",
        "difficulty": None,
        "parsed": "41",
        "reward": 1.0,
        "rewards": {"accuracy": 1.0, "format": 1.0},
        "reasons": {"accuracy": "not 42"},
        "advantage": 0.5,
        "length": 7,
        "finish_reason": "stop",
        "logprob_mean": -0.25,
        "entropy_mean": None,
        "run": run.pk,
        "attempt": 1,
        "step": 1,
        "group": 0,
        "index": 1,
        "policy_version": 0,
        "trained": True,
        "id": f"{group.pk}-1",
    }


def test_parquet_has_the_same(run: Run, api: Api) -> None:
    path = f"/runs/{run.pk}/completions/export"
    lines = body_of(api.get(path, where="step>3")).decode().splitlines()
    file = io.BytesIO(body_of(api.get(path, where="step>3", format="parquet")))
    rows = pq.read_table(file).to_pylist()
    assert len(rows) == 3 * (STEPS - 3)
    assert [{**row, **{name: dict(row[name]) for name in MAPS}} for row in rows] == [
        json.loads(line) for line in lines
    ]


def test_nothing_is_an_empty_file(run: Run, api: Api) -> None:
    path = f"/runs/{run.pk}/completions/export"
    assert body_of(api.get(path, where="step>99")) == b""
    empty = io.BytesIO(body_of(api.get(path, where="step>99", format="parquet")))
    assert pq.read_table(empty).num_rows == 0


def test_it_is_for_those_who_may_see_the_run(run: Run, api: Api, stranger: User) -> None:
    path = f"/runs/{run.pk}/completions/export"
    assert caller(stranger).get(path).status_code == 404
    assert api.get(path, where="colour=1").status_code == 422
