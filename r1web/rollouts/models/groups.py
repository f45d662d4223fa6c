"""Every completion of every step, with the reward it got and why.

A group is a row; its completions are packed into it (`packing`). Groups of a run come in segments:
the texts of one share a dictionary, and once it is full it is sealed: its numbers are written again
as columns (`columns`), and what its texts contain as a signature (`signature`), for lists and
searches. What is not sealed yet is read from the groups.
"""

import json
import math
from dataclasses import dataclass
from functools import cached_property

from django.db import models

from r1web.rollouts.packing import (
    FINISH_REASONS,
    PART,
    Errors,
    Numbers,
    Packer,
    unpack_scores,
    unsqueeze,
)
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
    entropy_mean: float | None
    """Nats; None where the trainer did not see it."""
    parsed: str | None
    """What the verifier read as the answer."""
    reasons: dict[str, str]
    """Why parts are what they are, by the name of the reward."""
    reflections: int
    """How often reflective words stand in it; see `traits`."""
    other_script: float
    """Share of its letters that are of other scripts than the prompt's."""

    @property
    def id(self) -> str:
        """What it is called for ever."""
        return f"{self.group_id}-{self.index}"


@dataclass(frozen=True)
class Verdicts:
    """What a group's verifier made of its completions; lists run over them."""

    parsed: list[str | None]
    reasons: dict[str, list[str | None]]
    """By the name of the reward; None where it says nothing."""

    def of(self, index: int) -> dict[str, str]:
        """The reasons of one completion."""
        return {name: why for name, each in self.reasons.items() if (why := each[index])}


class Segment(models.Model):
    """Groups of a run that were written one after the other."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField(help_text="From 0.")
    dictionary = models.BinaryField(help_text="The last texts before it, compressed.")
    sealed_at = models.DateTimeField(null=True, help_text="When it was full, and was indexed.")
    completions = models.PositiveIntegerField(default=0, help_text="Once it is sealed.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_segment_a_number")
        ]
        indexes = [
            models.Index(
                fields=["run"], condition=models.Q(sealed_at=None), name="segment_not_sealed"
            )
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


class Column(models.Model):
    """One number of each completion of a sealed segment; see `columns`."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="columns", db_index=False
    )
    name = models.CharField(max_length=200)
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "name"], name="one_column_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class SignaturePart(models.Model):
    """Which groups of a sealed segment have certain runs of three bytes; see `signature`."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="signature", db_index=False
    )
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "number"], name="one_part_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.segment_id}/{self.number}"


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
    task = models.CharField(
        max_length=200, default="", blank=True, help_text="Name of the task it is of."
    )
    difficulty = models.FloatField(
        null=True, help_text="Its level, or what its source says; null where there is neither."
    )
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
    def _unpacked(self) -> list[bytes]:
        return self.segment.packer.unpack(bytes(self.texts))

    @property
    def prompt(self) -> str:
        return self._unpacked[0].decode()

    @property
    def searched(self) -> list[bytes]:
        """The completions, the question and the answer: what searches look at, in this order."""
        texts = self._unpacked[1 : 1 + self.size]
        return [*texts, self.question.encode(), self.answer.encode()]

    @cached_property
    def verdicts(self) -> Verdicts | None:
        """What the verifier read, and why. None in groups of old journals, which do not tell."""
        packed = self._unpacked[1 + self.size :]
        return Verdicts(**json.loads(packed[0])) if packed else None

    @cached_property
    def numbers(self) -> tuple[dict[str, Numbers], Errors]:
        """What is known of the completions by name, see `services.appending`, and what is not."""
        return unpack_scores(bytes(self.scores))

    @property
    def completions(self) -> list[Completion]:
        return [self.completion(index) for index in range(self.size)]

    def completion(self, index: int) -> Completion:
        """The one at this place."""
        scores, errors = self.numbers
        numbers = {name: float(values[index]) for name, values in scores.items()}
        verdicts = self.verdicts or Verdicts([None] * self.size, {})
        return Completion(
            group_id=self.pk,
            index=index,
            text=self._unpacked[1 + index].decode(),
            reward=_known(numbers["reward"]),
            rewards={
                name.removeprefix(PART): value
                for name, value in numbers.items()
                if name.startswith(PART) and not math.isnan(value)
            },
            reward_errors={
                name: error for name, each in errors.items() if (error := each[index]) is not None
            },
            advantage=numbers["advantage"],
            length=int(numbers["length"]),
            finish_reason=FINISH_REASONS[int(numbers["finish_reason"])],
            logprob_mean=_known(numbers["logprob_mean"]),
            entropy_mean=_known(numbers.get("entropy_mean", math.nan)),
            parsed=verdicts.parsed[index],
            reasons=verdicts.of(index),
            reflections=int(numbers["reflections"]),
            other_script=numbers["other_script"],
        )


class GroupTokens(models.Model):
    """The tokens of a group's completions one by one; see `tokens`."""

    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, primary_key=True, related_name="tokens"
    )
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"Tokens of group {self.group_id}"


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
