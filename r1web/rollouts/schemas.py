"""How completions and groups are shown."""

from math import isfinite

from ninja import Field
from pydantic import BaseModel

from r1web.rollouts.models import Completion, Group
from r1web.rollouts.selectors import Found, Marks

SHOWN = 300
"""Characters of a text in a list."""


class CompletionOut(BaseModel):
    id: str = Field(description="Its address for ever is /completions/{id}.")
    index: int = Field(description="Place in its group, from 0.")
    text: str = Field(description="As the model wrote it, without the prompt.")
    reward: float | None = Field(description="The weighted sum; null when a part is missing.")
    rewards: dict[str, float | str] = Field(description="Parts before weighting, by name.")
    reward_errors: dict[str, str] = Field(
        description="Why the parts that are missing could not be computed, by name."
    )
    advantage: float
    length: int = Field(description="Tokens, the end token included.")
    finish_reason: str = Field(description="stop, or length when it was cut.")
    logprob_mean: float | None = Field(description="Mean log-probability of its tokens, nats.")
    entropy_mean: float | None = Field(
        description="Mean entropy of the trainer's distribution at its tokens, nats; null where "
        "the trainer did not see it."
    )
    parsed: str | None = Field(
        description="What the verifier read as the answer; null when it found none, and in runs "
        "whose journal does not tell."
    )
    reasons: dict[str, str] = Field(
        description="Why parts of the reward are what they are, by the name of the reward, where "
        "it says so."
    )
    starred: bool = Field(description="By you.")
    notes: int = Field(description="How many there are on it.")


class GroupOut(BaseModel):
    """One prompt with its completions."""

    id: int
    attempt: int = Field(description="Number of the attempt.")
    step: int
    index: int = Field(description="Place of the prompt within the step, from 0.")
    trained: bool = Field(description="False for a flat group in whose place others were sampled.")
    policy_version: int = Field(description="Optimiser steps the sampling policy had seen.")
    steps_behind: int = Field(
        description="Optimiser steps that the policy it trains had seen beyond those."
    )
    fingerprint: str = Field(
        description="Of the weights that wrote it; empty where the trainer sampled from its own."
    )
    prompt: str
    question: str
    answer: str = Field(description="What the verifier expects.")
    task: str = Field(description="Name of the task it is of; empty where it is not known.")
    difficulty: float | None = Field(
        description="Its level, or what its source says; null where there is neither."
    )
    reward_mean: float | None = Field(
        description="Over the completions with a reward; null when none has one."
    )
    completions: list[CompletionOut]


class CompletionRow(BaseModel):
    """A completion in a list: the beginning of its text, and where it comes from."""

    id: str = Field(description="Its address for ever is /completions/{id}.")
    group_id: int
    attempt: int = Field(description="Number of the attempt.")
    step: int
    group: int = Field(description="Place of the prompt within the step, from 0.")
    index: int = Field(description="Place in its group, from 0.")
    trained: bool = Field(description="False for a flat group in whose place others were sampled.")
    policy_version: int = Field(description="Optimiser steps the sampling policy had seen.")
    question: str = Field(description="Its beginning.")
    answer: str = Field(description="What the verifier expects; its beginning.")
    task: str = Field(description="Name of the task it is of; empty where it is not known.")
    difficulty: float | None
    text: str = Field(description="Its beginning.")
    reward: float | None
    rewards: dict[str, float | str]
    reward_mean: float | None = Field(description="Of its group.")
    advantage: float
    length: int = Field(description="Tokens, the end token included.")
    finish_reason: str = Field(description="stop, or length when it was cut.")
    logprob_mean: float | None
    entropy_mean: float | None
    parsed: str | None = Field(description="Its beginning.")
    reflections: int = Field(description="How often reflective words stand in it.")
    other_script: float = Field(
        description="Share of its letters that are of other scripts than the prompt's."
    )
    starred: bool = Field(description="By you.")
    notes: int = Field(description="How many there are on it.")


def group_out(group: Group, marks: Marks) -> GroupOut:
    return GroupOut(
        id=group.pk,
        attempt=group.attempt.number,
        step=group.step,
        index=group.index,
        trained=group.trained,
        policy_version=group.policy_version,
        steps_behind=group.steps_behind,
        fingerprint=group.fingerprint,
        prompt=group.prompt,
        question=group.question,
        answer=group.answer,
        task=group.task,
        difficulty=group.difficulty,
        reward_mean=group.reward_mean,
        completions=[completion_out(completion, marks) for completion in group.completions],
    )


def completion_out(completion: Completion, marks: Marks) -> CompletionOut:
    key = (completion.group_id, completion.index)
    return CompletionOut(
        id=completion.id,
        index=completion.index,
        text=completion.text,
        reward=completion.reward,
        rewards=_finite(completion.rewards),
        reward_errors=completion.reward_errors,
        advantage=completion.advantage,
        length=completion.length,
        finish_reason=completion.finish_reason,
        logprob_mean=completion.logprob_mean,
        entropy_mean=completion.entropy_mean,
        parsed=completion.parsed,
        reasons=completion.reasons,
        starred=key in marks.starred,
        notes=marks.notes[key],
    )


def row_out(found: Found, marks: Marks) -> CompletionRow:
    group, completion = found.group, found.completion
    key = (group.pk, completion.index)
    return CompletionRow(
        id=completion.id,
        group_id=group.pk,
        attempt=group.attempt.number,
        step=group.step,
        group=group.index,
        index=completion.index,
        trained=group.trained,
        policy_version=group.policy_version,
        question=group.question[:SHOWN],
        answer=group.answer[:SHOWN],
        task=group.task,
        difficulty=group.difficulty,
        text=completion.text[:SHOWN],
        reward=completion.reward,
        rewards=_finite(completion.rewards),
        reward_mean=group.reward_mean,
        advantage=completion.advantage,
        length=completion.length,
        finish_reason=completion.finish_reason,
        logprob_mean=completion.logprob_mean,
        entropy_mean=completion.entropy_mean,
        parsed=completion.parsed and completion.parsed[:SHOWN],
        reflections=completion.reflections,
        other_script=completion.other_script,
        starred=key in marks.starred,
        notes=marks.notes[key],
    )


def _finite(rewards: dict[str, float]) -> dict[str, float | str]:
    """JSON has no NaN and no infinity."""
    return {name: part if isfinite(part) else str(part) for name, part in rewards.items()}
