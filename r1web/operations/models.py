"""What shows that queues are still read."""

from django.db import models


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
