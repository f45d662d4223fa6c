"""What newer journals tell of completions: task, difficulty, answer, reasons, entropy, tokens."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.rollouts.models import Group, GroupTokens
from r1web.rollouts.services import append_groups, seal_full
from r1web.rollouts.tokens import pack_group, unpack_completion
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.metrics.test_api import body_of
from tests.r1web.rollouts.told import rollouts
from training.events import TOKEN_STEPS, UNKNOWN, CompletionRecord, RolloutsEvent, pack_tokens

MakeRun = Callable[..., Run]
LENGTHS = [[4, 2, 0], [1, 0, 3]]


def packed(lengths: list[int], **steps: list[int]) -> str:
    told = {name: np.array(values, "<i2").tobytes() for name, values in steps.items()}
    return pack_tokens(np.array(lengths, "<u2").tobytes(), told)


def newer(step: int) -> RolloutsEvent:
    """Of task “odd” or “even”, as hard as a third of its step; the second one has no answer."""
    event = rollouts(step, 0, [1.0, 0.0])
    first, second = event.completions
    tokens = packed(LENGTHS[0], logprobs=[-256, -1, 0], differences=[UNKNOWN, 4096, -1])
    changed = [
        {"parsed": "42", "reasons": {}, "entropy_mean": step / 10, "tokens": tokens, "length": 3},
        {"parsed": None, "reasons": {"accuracy": "no <answer>"}, "length": 3},
    ]
    completions = [
        CompletionRecord(**{**one.model_dump(), **change})
        for one, change in zip([first, second], changed, strict=True)
    ]
    return event.model_copy(
        update={
            "task": "odd" if step % 2 else "even",
            "difficulty": step // 3,
            "completions": completions,
        }
    )


@pytest.fixture(params=["fresh", "sealed"])
def run(make_run: MakeRun, request: pytest.FixtureRequest) -> Run:
    """Ten steps of an old journal, and twenty of a newer one."""
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    told = [rollouts(step, 0, [1.0, 0.0]) if step <= 10 else newer(step) for step in range(1, 31)]
    append_groups([(attempt, event) for event in told])
    if request.param == "sealed":
        assert len(list(seal_full())) == 1
    return run


def steps(api: Api, run: Run, **query: Any) -> list[int]:
    answer = api.get(f"/runs/{run.pk}/completions", **{"limit": 100, "sort": "step", **query})
    assert answer.status_code == 200, answer.content
    return [row["step"] for row in answer.json()["items"]]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("task=odd", [step for step in range(11, 31, 2) for _ in range(2)]),
        ("task!=odd", [step for step in range(1, 31) if step <= 10 or step % 2 == 0 for _ in "ab"]),
        ("task=null", [step for step in range(1, 11) for _ in range(2)]),
        ("task=neither", []),
        ("difficulty>=9", [27, 27, 28, 28, 29, 29, 30, 30]),
        ("difficulty=null", [step for step in range(1, 11) for _ in range(2)]),
        ("parsed!=null", list(range(11, 31))),
        ("entropy_mean>2.85", [29, 30]),
        ("entropy_mean!=null", list(range(11, 31))),
    ],
)
def test_lists_know_them(run: Run, api: Api, where: str, expected: list[int]) -> None:
    assert steps(api, run, where=where) == expected


def test_lists_are_sorted_by_them(run: Run, api: Api) -> None:
    assert steps(api, run, sort="-entropy_mean", limit=3) == [30, 29, 28]
    assert steps(api, run, sort="-difficulty", limit=5) == [30, 30, 27, 27, 28]


@pytest.mark.parametrize("query", [{"sort": "task"}, {"where": "task>odd"}])
def test_tasks_have_no_order(run: Run, api: Api, query: dict[str, str]) -> None:
    assert api.get(f"/runs/{run.pk}/completions", **query).status_code == 422


def test_one_completion_tells_all_of_it(run: Run, api: Api) -> None:
    group = run.groups.get(step=30)
    answer = api.get(f"/completions/{group.pk}-1").json()
    assert answer["has_tokens"] is True
    assert (answer["group"]["task"], answer["group"]["difficulty"]) == ("even", 10)
    assert answer["completion"]["parsed"] is None
    assert answer["completion"]["reasons"] == {"accuracy": "no <answer>"}
    assert answer["completion"]["entropy_mean"] is None
    first = answer["group"]["completions"][0]
    assert (first["parsed"], first["reasons"], first["entropy_mean"]) == ("42", {}, 3.0)
    old = api.get(f"/completions/{run.groups.get(step=1).pk}-0").json()
    assert (old["group"]["task"], old["group"]["difficulty"]) == ("", None)
    assert (old["has_tokens"], old["completion"]["reasons"]) == (False, {})


def test_the_tokens_come_one_by_one(run: Run, api: Api, stranger: User) -> None:
    path = f"/completions/{run.groups.get(step=30).pk}"
    assert api.get(f"{path}-0/tokens").json() == {
        "completion_id": path.rpartition("/")[2] + "-0",
        "offsets": [0, 4, 6, 6],
        "logprobs": [-1.0, -0.00391, 0.0],
        "entropies": None,
        "differences": [None, 1.0, -0.00024],
    }
    assert api.get(f"{path}-1/tokens").status_code == 404
    assert api.get(f"/completions/{run.groups.get(step=1).pk}-0/tokens").status_code == 404
    assert caller(stranger).get(f"{path}-0/tokens").status_code == 404


def test_what_the_verifier_read_is_what_answers_are_sorted_by(run: Run, api: Api) -> None:
    answer = api.get(f"/groups/{run.groups.get(step=30).pk}").json()
    assert [(each["answer"], each["right"], each["indexes"]) for each in answer["clusters"]] == [
        ("42", True, [0]),
        (None, False, [1]),
    ]


def test_searches_do_not_find_what_no_text_says(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/completions/search", q="parsed").json()
    assert (answer["items"], answer["searched"]) == ([], 60)


@pytest.mark.django_db(transaction=True)  # each piece is read in a thread
def test_exports_know_them(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/completions/export", where=["step=30", "index=0"])
    row = json.loads(body_of(answer))
    assert (row["task"], row["difficulty"], row["parsed"], row["entropy_mean"]) == (
        "even",
        10.0,
        "42",
        3.0,
    )


def test_tokens_that_are_not_the_completions_are_refused(make_run: MakeRun) -> None:
    attempt = Attempt.objects.create(run=make_run(), number=1)
    event = newer(11)
    short = event.completions[0].model_copy(update={"length": 9})
    with pytest.raises(ValueError, match="9 tokens"):
        append_groups([(attempt, event.model_copy(update={"completions": [short]}))])


def test_they_go_with_the_run(run: Run) -> None:
    assert GroupTokens.objects.count() == 20
    Group.objects.filter(run=run).delete()
    assert not GroupTokens.objects.exists()


numbers = st.lists(st.integers(UNKNOWN, 32767), min_size=5, max_size=5)
told = st.dictionaries(st.sampled_from(sorted(TOKEN_STEPS)), numbers)


@given(st.lists(st.none() | st.tuples(st.lists(st.integers(0, 9), min_size=5, max_size=5), told)))
def test_what_is_packed_comes_back(
    each: list[tuple[list[int], dict[str, list[int]]] | None],
) -> None:
    plain = rollouts(1, 0, [1.0]).completions[0]
    records = [
        plain.model_copy(update={"length": 5, "tokens": one and packed(one[0], **one[1])})
        for one in each
    ]
    data = pack_group(records)
    for place, one in enumerate(each):
        found = unpack_completion(data, place)
        if one is None:
            assert found is None
            continue
        assert found is not None
        assert np.diff(found.offsets).tolist() == one[0]
        for name, step in TOKEN_STEPS.items():
            wanted = [None if n == UNKNOWN else n * step for n in one[1].get(name, [UNKNOWN] * 5)]
            got = found.told.get(name, [None] * 5)
            assert [x is None for x in got] == [x is None for x in wanted]
            assert [x for x in got if x is not None] == pytest.approx(
                [x for x in wanted if x is not None], abs=1e-5
            )
