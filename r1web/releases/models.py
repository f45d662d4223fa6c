"""A checkpoint made into a directory for others."""

from pathlib import PurePosixPath

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.runs.models import Checkpoint, Run


class ReleaseState(models.TextChoices):
    QUEUED = "queued"
    EXPORTING = "exporting"
    READY = "ready"
    FAILED = "failed"


class ReleaseDtype(models.TextChoices):
    BF16 = "bf16"
    FP8 = "fp8"


class Release(models.Model):
    """One of a checkpoint and dtype: asked for again, the same row goes through its states anew."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="releases")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="releases")
    dtype = models.CharField(max_length=4, choices=ReleaseDtype.choices)
    state = models.CharField(
        max_length=10, choices=ReleaseState.choices, default=ReleaseState.QUEUED
    )
    reason = models.TextField(blank=True, help_text="What it waits for or does, or why it failed.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    node = models.CharField(max_length=120, blank=True, help_text="Where it is made or lies.")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    push_to = models.CharField(max_length=200, blank=True, help_text="Repository, owner/name.")
    pushed_to = models.CharField(max_length=200, blank=True, help_text="Where it has been pushed.")
    checked = models.TextField(blank=True, help_text="What the check in transformers has shown.")
    files = models.JSONField(default=dict, blank=True, help_text="Bytes and SHA-256, by name.")

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["checkpoint", "dtype"], name="one_release_a_checkpoint_and_dtype"
            )
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} in {self.dtype}"

    @property
    def path(self) -> str:
        """Its directory, below the run's."""
        return f"releases/{PurePosixPath(self.checkpoint.path).name}-{self.dtype}"

    @property
    def is_open(self) -> bool:
        return self.state in {ReleaseState.QUEUED, ReleaseState.EXPORTING}
