"""Every completion of every step, with the reward it got and why."""

from django.db import models

from r1web.runs.models import Attempt, Run


class Group(models.Model):
    """A prompt with its completions at one step."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="groups", db_index=False)
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="+", db_index=False)
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
    prompt = models.TextField()
    question = models.TextField()
    answer = models.TextField()
    reward_mean = models.FloatField(
        null=True, help_text="Over the completions with a reward; null when none has one."
    )

    class Meta:
        ordering = ["step", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "step", "index"], name="one_group_a_place_in_a_step"
            )
        ]
        indexes = [models.Index(fields=["run", "step"], name="group_run_step")]

    def __str__(self) -> str:
        return self.question

    @property
    def steps_behind(self) -> int:
        """Optimiser steps between the policy that wrote it and the one that it trains."""
        return max(0, self.step - 1 - self.policy_version)


class Completion(models.Model):
    """One answer of the model, as it wrote it."""

    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="completions", db_index=False
    )
    index = models.PositiveIntegerField()
    text = models.TextField()
    reward = models.FloatField(null=True, help_text="Null when it could not be computed.")
    rewards = models.JSONField(help_text="Raw parts before weighting, by name.")
    reward_errors = models.JSONField(
        default=dict, help_text="Why the other parts could not be computed, by name."
    )
    advantage = models.FloatField()
    length = models.PositiveIntegerField(help_text="Tokens.")
    finish_reason = models.CharField(max_length=10)
    logprob_mean = models.FloatField(null=True)

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(fields=["group", "index"], name="one_completion_a_place")
        ]

    def __str__(self) -> str:
        return self.text
