"""Completions are packed, and come back as they were."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from r1web.rollouts.models import Group, Segment
from r1web.rollouts.packing import Packer, key_of
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Run
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    st.binary() | st.just(b"<think>so 2 + 2 = 4</think>"),
)
def test_texts_come_back_as_they_were(texts: list[str], dictionary: bytes) -> None:
    packed = Packer(dictionary).pack(texts)
    assert [text.decode() for text in Packer(dictionary).unpack(packed)] == texts


@pytest.mark.parametrize("prompt", ["", "2 + 2", "二加二 🦉"])
def test_a_prompt_has_the_same_key_everywhere(prompt: str) -> None:
    known = {
        "": -1970711489451281740,
        "2 + 2": -7179865994429968340,
        "二加二 🦉": 5610368828474439838,
    }
    assert key_of(prompt) == known[prompt]


@pytest.fixture
def attempt(make_run: MakeRun) -> Attempt:
    return Attempt.objects.create(run=make_run(), number=1, started_at=timezone.now())


def test_segments_grow_and_each_starts_from_the_texts_before_it(attempt: Attempt) -> None:
    told = [rollouts(step, 0, [0.0, 1.0], answer=str(step)) for step in range(1, 101)]
    append_groups([(attempt, event) for event in told[:10]])
    groups = append_groups([(attempt, event) for event in told[10:]])
    assert [group.step for group in groups] == list(range(11, 101))
    sizes = [segment.groups.count() for segment in Segment.objects.all()]
    assert sizes == [16, 64, 20]
    last = Segment.objects.get(number=2)
    assert b"<think>1</think><answer>1.0</answer>" in last.packer.shared.as_bytes()
    for group, event in zip(Group.objects.order_by("pk"), told, strict=True):
        assert (group.prompt, group.answer, group.size) == (event.prompt, event.answer, 2)
        assert [c.text for c in group.completions] == [c.text for c in event.completions]


def test_runs_that_come_together_keep_to_themselves(attempt: Attempt, make_run: MakeRun) -> None:
    other = Attempt.objects.create(run=make_run(), number=1, started_at=timezone.now())
    events = [
        (mine, rollouts(step, 0, [float(step)])) for step in (1, 2) for mine in (attempt, other)
    ]
    groups = append_groups(events)
    assert [(group.attempt, group.step) for group in groups] == [(a, e.step) for a, e in events]
    assert [segment.run_id for segment in Segment.objects.order_by("pk")] == [
        attempt.run_id,
        other.run_id,
    ]
    assert len({group.segment_id for group in groups}) == 2
