"""What a team keeps of its comparisons: saved views, and notes with every version of them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.accounts.models import Project


class Kept(models.Model):
    """Belongs to a project; deleted, it can be brought back for some days."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class SavedView(Kept):
    """The state of the comparison page under a name."""

    name = models.CharField(max_length=120)
    query = models.TextField(help_text="What follows /compare? in the page's address.")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Note(Kept):
    """A page of Markdown. What it says now is its newest version, copied here."""

    title = models.CharField(max_length=120)
    body = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-updated_at", "-id"]

    def __str__(self) -> str:
        return self.title


class NoteVersion(models.Model):
    """What a note said from one saving to the next. Never edited."""

    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    body = models.TextField(blank=True)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["note", "version"], name="one_note_version_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.title}, version {self.version}"
