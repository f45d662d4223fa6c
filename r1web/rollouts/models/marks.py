"""What people say about completions: stars of one's own, and notes for everybody."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.rollouts.models.groups import Group


class Star(models.Model):
    """A completion that somebody wants to find again; nobody else sees it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    index = models.PositiveIntegerField(help_text="Place in the group, from 0.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "group", "index"], name="one_star_a_completion")
        ]

    def __str__(self) -> str:
        return f"{self.user} stars {self.group_id}-{self.index}"


class CompletionNote(models.Model):
    """What somebody writes about a completion, for all who see the run."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+", db_index=False)
    index = models.PositiveIntegerField(help_text="Place in the group, from 0.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [models.Index(fields=["group", "index"], name="note_of_completion")]

    def __str__(self) -> str:
        return self.body[:60]
