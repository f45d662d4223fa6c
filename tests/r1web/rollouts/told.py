"""What a trainer tells of a group."""

from math import isnan
from typing import Any

from training.events import CompletionRecord, RolloutsEvent

LATE = "timed out after 10 s"


def rollouts(step: int, group: int, rewards: list[float], **changes: Any) -> RolloutsEvent:
    event = RolloutsEvent(
        seq=1,
        time=1.0,
        step=step,
        group=group,
        policy_version=step - 1,
        prompt=f"User: question {group}",
        question=f"question {group}",
        answer="42",
        completions=[
            CompletionRecord(
                text=f"<think>{place}</think><answer>{reward}</answer>",
                reward=reward,
                rewards={"format": 1.0} if isnan(reward) else {"accuracy": reward, "format": 1.0},
                reward_errors={"accuracy": LATE} if isnan(reward) else {},
                advantage=0.0 if isnan(reward) else reward - 0.5,
                length=7,
                finish_reason="stop",
                logprob_mean=-0.25,
            )
            for place, reward in enumerate(rewards)
        ],
    )
    return event.model_copy(update=changes)
