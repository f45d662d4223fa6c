"""Appends the rollouts of steps."""

import math
from collections.abc import Iterable, Sequence

from r1web.rollouts.models import Completion, Group
from r1web.runs.models import Attempt
from training.events import CompletionRecord, RolloutsEvent


def append_groups(events: Sequence[tuple[Attempt, RolloutsEvent]]) -> list[Group]:
    """Write each event's prompt and completions; the groups come back in the same order."""
    if not events:
        return []
    groups = Group.objects.bulk_create(_group(attempt, event) for attempt, event in events)
    Completion.objects.bulk_create(
        _completion(group, index, record)
        for group, (_, event) in zip(groups, events, strict=True)
        for index, record in enumerate(event.completions)
    )
    return groups


def _group(attempt: Attempt, event: RolloutsEvent) -> Group:
    return Group(
        run_id=attempt.run_id,
        attempt=attempt,
        step=event.step,
        index=event.group,
        trained=event.trained,
        policy_version=event.policy_version,
        fingerprint=event.fingerprint or "",
        prompt=event.prompt,
        question=event.question,
        answer=event.answer,
        reward_mean=_mean(completion.reward for completion in event.completions),
    )


def _completion(group: Group, index: int, record: CompletionRecord) -> Completion:
    return Completion(
        group=group,
        index=index,
        text=record.text,
        reward=_known(record.reward),
        rewards=record.rewards,
        reward_errors=record.reward_errors,
        advantage=record.advantage,
        length=record.length,
        finish_reason=record.finish_reason,
        logprob_mean=_known(record.logprob_mean),
    )


def _mean(rewards: Iterable[float]) -> float | None:
    values = [reward for reward in rewards if not math.isnan(reward)]
    return math.fsum(values) / len(values) if values else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
