"""What shows that queues are still read, and what runs take."""

from django.db import models
from django.utils import timezone

from r1web.runs.models import Run


class Canary(models.Model):
    """A small task that goes through a queue again and again; late, it tells that nobody reads."""

    queue = models.CharField(max_length=150, unique=True)
    released_at = models.DateTimeField()
    waiting_since = models.DateTimeField(
        null=True, help_text="When the oldest one was released that was not heard; null: none is."
    )
    delay_s = models.FloatField(null=True, help_text="How long the last one heard took.")

    class Meta:
        verbose_name_plural = "canaries"

    def __str__(self) -> str:
        return f"canary of {self.queue}"


class RunSize(models.Model):
    """What a run takes, as last measured in the background: its directory, and rows of it."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="size")
    checkpoint_bytes = models.PositiveBigIntegerField(default=0)
    journal_bytes = models.PositiveBigIntegerField(default=0)
    release_bytes = models.PositiveBigIntegerField(default=0)
    other_bytes = models.PositiveBigIntegerField(default=0, help_text="Logs and config.")
    bytes = models.PositiveBigIntegerField(default=0, help_text="All of its directory.")
    points = models.PositiveBigIntegerField(default=0)
    completions = models.PositiveBigIntegerField(default=0)
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["-bytes", "-id"], name="run_size")]

    def __str__(self) -> str:
        return f"{self.run}: {self.bytes} bytes"
