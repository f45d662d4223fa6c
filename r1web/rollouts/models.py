"""Every completion of every step, with the reward it got and why.

A group is a row; its completions are packed into it (`packing`). Groups of a run come in segments,
whose texts share a dictionary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models

from r1web.rollouts.packing import Packer, unpack_scores, unsqueeze
from r1web.runs.models import Attempt, Run


@dataclass(frozen=True)
class Completion:
    """One answer of the model, as it wrote it."""

    group_id: int
    index: int
    """Place in its group, from 0."""
    text: str
    reward: float | None
    """None when it could not be computed."""
    rewards: dict[str, float]
    """Raw parts before weighting, by name."""
    reward_errors: dict[str, str]
    """Why the other parts could not be computed, by name."""
    advantage: float
    length: int
    """Tokens."""
    finish_reason: str
    logprob_mean: float | None

    @property
    def id(self) -> str:
        """What it is called for ever."""
        return f"{self.group_id}-{self.index}"


class Segment(models.Model):
    """Groups of a run that were written one after the other."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField(help_text="From 0.")
    dictionary = models.BinaryField(help_text="The last texts before it, compressed.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_segment_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.run} segment {self.number}"

    @property
    def capacity(self) -> int:
        """Groups. The first are small, so that a dictionary is there soon."""
        return int(min(16 * 4**self.number, 1024))

    @cached_property
    def packer(self) -> Packer:
        return Packer(unsqueeze(bytes(self.dictionary)))


class Group(models.Model):
    """A prompt with its completions at one step."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="groups", db_index=False)
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="+", db_index=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="groups")
    step = models.PositiveIntegerField()
    index = models.PositiveIntegerField(help_text="Place within the step, from 0.")
    trained = models.BooleanField(
        default=True, help_text="False for a flat group in whose place others were sampled."
    )
    policy_version = models.PositiveIntegerField(
        help_text="Optimiser steps the sampling policy had seen."
    )
    fingerprint = models.CharField(
        max_length=64,
        default="",
        blank=True,
        help_text="Of the weights that wrote it; empty where the trainer sampled from its own.",
    )
    prompt_key = models.BigIntegerField(help_text="A hash of the prompt.")
    question = models.TextField()
    answer = models.TextField()
    size = models.PositiveIntegerField(help_text="Completions.")
    reward_mean = models.FloatField(
        null=True, help_text="Over the completions with a reward; null when none has one."
    )
    texts = models.BinaryField(help_text="The prompt and the completions.")
    scores = models.BinaryField(help_text="The completions' numbers, a list by name.")

    class Meta:
        ordering = ["step", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "step", "index"], name="one_group_a_place_in_a_step"
            )
        ]
        indexes = [
            models.Index(fields=["run", "step"], name="group_run_step"),
            models.Index(fields=["prompt_key", "run"], name="group_prompt"),
        ]

    def __str__(self) -> str:
        return self.question

    @property
    def steps_behind(self) -> int:
        """Optimiser steps between the policy that wrote it and the one that it trains."""
        return max(0, self.step - 1 - self.policy_version)

    @cached_property
    def _texts(self) -> list[str]:
        return [text.decode() for text in self.segment.packer.unpack(bytes(self.texts))]

    @property
    def prompt(self) -> str:
        return self._texts[0]

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """Of each name a list, one number for each completion; see `services.appending`."""
        return unpack_scores(bytes(self.scores))

    @cached_property
    def completions(self) -> list[Completion]:
        numbers = self.numbers
        fields = ("reward", "advantage", "length", "finish_reason", "logprob_mean")
        return [
            Completion(
                group_id=self.pk,
                index=index,
                text=text,
                rewards=_at(numbers["rewards"], index),
                reward_errors=_at(numbers["reward_errors"], index),
                **{name: numbers[name][index] for name in fields},
            )
            for index, text in enumerate(self._texts[1:])
        ]


def _at(lists: dict[str, list[Any]], index: int) -> dict[str, Any]:
    values: Iterable[tuple[str, Any]] = ((name, given[index]) for name, given in lists.items())
    return {name: value for name, value in values if value is not None}
