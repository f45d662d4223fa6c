"""Appends the rollouts of steps."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence

from r1web.rollouts.models import Group, GroupTokens, Segment
from r1web.rollouts.packing import (
    DICTIONARY_BYTES,
    FINISH_REASONS,
    PART,
    Errors,
    key_of,
    pack_scores,
    squeeze,
)
from r1web.rollouts.tokens import pack_group
from r1web.rollouts.traits import other_script, reflections
from r1web.runs.models import Attempt
from training.events import RolloutsEvent

Told = tuple[Attempt, RolloutsEvent]


def append_groups(events: Sequence[Told]) -> list[Group]:
    """Write each event's prompt and completions; the groups come back in the same order.

    The caller has locked the runs: the groups of one are written one after the other.
    """
    groups: dict[int, Group] = {}
    for run_id in dict.fromkeys(attempt.run_id for attempt, _ in events):
        places = [place for place, (attempt, _) in enumerate(events) if attempt.run_id == run_id]
        groups |= zip(places, _append(run_id, [events[place] for place in places]), strict=True)
    return [groups[place] for place in range(len(events))]


def _append(run_id: int, events: Sequence[Told]) -> Iterator[Group]:
    while events:
        segment, room = _open_segment(run_id)
        groups = Group.objects.bulk_create(_group(segment, *told) for told in events[:room])
        GroupTokens.objects.bulk_create(_tokens(groups, events))
        yield from groups
        events = events[room:]


def _open_segment(run_id: int) -> tuple[Segment, int]:
    """The segment that the run's next groups belong to, and how many it has room for."""
    newest = Segment.objects.filter(run_id=run_id).order_by("-number").first()
    room = newest.capacity - newest.groups.count() if newest else 0
    if newest and room:
        return newest, room
    segment = Segment.objects.create(
        run_id=run_id,
        number=newest.number + 1 if newest else 0,
        dictionary=squeeze(_last_texts(newest) if newest else b""),
    )
    return segment, segment.capacity


def _last_texts(segment: Segment) -> bytes:
    """What was written last, as much as a dictionary takes."""
    texts: list[bytes] = []
    rows = segment.groups.order_by("-pk").values_list("texts", flat=True)
    for packed in rows.iterator(chunk_size=16):
        texts = [*segment.packer.unpack(bytes(packed)), *texts]
        if sum(map(len, texts)) >= DICTIONARY_BYTES:
            break
    return b"".join(texts)[-DICTIONARY_BYTES:]


def _group(segment: Segment, attempt: Attempt, event: RolloutsEvent) -> Group:
    return Group(
        run_id=attempt.run_id,
        attempt=attempt,
        segment=segment,
        step=event.step,
        index=event.group,
        trained=event.trained,
        policy_version=event.policy_version,
        fingerprint=event.fingerprint or "",
        reward_mean=_mean(completion.reward for completion in event.completions),
        prompt_key=key_of(event.prompt),
        question=event.question,
        answer=event.answer,
        task=event.task[:200],
        difficulty=event.difficulty,
        size=len(event.completions),
        texts=segment.packer.pack(
            [event.prompt, *(each.text for each in event.completions), *_verdicts(event)]
        ),
        scores=pack_scores(_scores(event), _errors(event)),
    )


def _scores(event: RolloutsEvent) -> dict[str, list[float | None]]:
    """Of each name a list with a number for each completion; None where there is none."""
    completions = event.completions
    parts = {name for one in completions for name in one.rewards}
    return {
        "reward": [one.reward for one in completions],
        **{PART + name: [one.rewards.get(name) for one in completions] for name in sorted(parts)},
        "advantage": [one.advantage for one in completions],
        "length": [one.length for one in completions],
        "finish_reason": [FINISH_REASONS.index(one.finish_reason) for one in completions],
        "logprob_mean": [one.logprob_mean for one in completions],
        **_since(event),
        "reflections": [reflections(one.text) for one in completions],
        "other_script": [other_script(one.text, event.prompt) for one in completions],
    }


def _since(event: RolloutsEvent) -> dict[str, list[float | None]]:
    """What old journals do not tell."""
    found = {
        "entropy_mean": [one.entropy_mean for one in event.completions],
        "parsed": [None if one.parsed is None else 1.0 for one in event.completions],
    }
    return {name: each for name, each in found.items() if any(one is not None for one in each)}


def _verdicts(event: RolloutsEvent) -> Iterator[str]:
    """What the verifier read, and why, as `Group.verdicts` reads it; nothing from old journals."""
    completions = event.completions
    if not any("parsed" in one.model_fields_set for one in completions):
        return
    names = sorted({name for one in completions for name in one.reasons})
    yield json.dumps(
        {
            "parsed": [one.parsed for one in completions],
            "reasons": {name: [one.reasons.get(name) for one in completions] for name in names},
        },
        ensure_ascii=False,
    )


def _tokens(groups: Sequence[Group], events: Sequence[Told]) -> Iterator[GroupTokens]:
    for group, (_, event) in zip(groups, events, strict=False):
        if any(one.tokens is not None for one in event.completions):
            yield GroupTokens(group=group, data=pack_group(event.completions))


def _errors(event: RolloutsEvent) -> Errors:
    names = {name for one in event.completions for name in one.reward_errors}
    return {
        name: [one.reward_errors.get(name) for one in event.completions] for name in sorted(names)
    }


def _mean(rewards: Iterable[float]) -> float | None:
    values = [reward for reward in rewards if not math.isnan(reward)]
    return math.fsum(values) / len(values) if values else None
