"""A run, its attempts to execute, and everything that happened to it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.accounts.models import Project


class State(models.TextChoices):
    """queued → starting → running → stopping → {finished, failed, stopped}; lost: not heard."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


ENDED = frozenset({State.FINISHED, State.FAILED, State.STOPPED})
ACTIVE = frozenset({State.STARTING, State.RUNNING, State.STOPPING, State.LOST})


class Desired(models.TextChoices):
    RUNNING = "running"
    STOPPED = "stopped"
    QUEUED = "queued"
    """Save, give the devices back, and wait for others."""


class Run(models.Model):
    """What somebody asked for. `config` is frozen as resolved; `digest` is its SHA-256."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="runs"
    )
    name = models.CharField(max_length=120)
    preset = models.CharField(max_length=60, blank=True)
    tags = models.JSONField(default=list, blank=True)
    config = models.JSONField()
    overrides = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64)

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    desired = models.CharField(max_length=10, choices=Desired.choices, default=Desired.RUNNING)
    reason = models.TextField(blank=True, help_text="Why it is in this state, one sentence.")
    priority = models.IntegerField(default=0, help_text="Higher goes first.")
    preemptible = models.BooleanField(
        default=False,
        help_text="May be saved and put back into the queue for a run of higher priority.",
    )
    paused = models.TextField(
        blank=True, help_text="Why it waits until a person lets it go on; empty: it does not."
    )
    reserved_nodes = models.JSONField(
        default=list,
        blank=True,
        help_text="While it is first in line: ids of the nodes that are kept for it.",
    )

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="forks"
    )
    parent_step = models.PositiveIntegerField(null=True, blank=True)
    start_checkpoint = models.ForeignKey(
        "Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="started_runs"
    )
    resume_checkpoint = models.ForeignKey(
        "Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    resumes = models.PositiveIntegerField(
        default=0, help_text="How often it went on by itself since a person started it."
    )
    resume_at = models.DateTimeField(
        null=True, blank=True, help_text="It waits in the queue until then."
    )

    total_steps = models.PositiveIntegerField()
    last_step = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveBigIntegerField(
        default=0, help_text="Sequence number of the newest Event; the live stream counts by it."
    )
    summary = models.JSONField(
        default=dict,
        blank=True,
        help_text="Newest value of each metric, and `sparkline`: the last 60 mean rewards.",
    )

    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - unique
    request_digest = models.CharField(
        max_length=64, blank=True, help_text="Of the request that came with idempotency_key."
    )
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    purged_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="From then on its data is removed, and it cannot come back.",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"], name="one_run_an_idempotency_key"
            )
        ]
        indexes = [
            models.Index(fields=["state", "-priority", "queued_at"], name="run_queue"),
            models.Index(fields=["-created_at", "-id"], name="newest_runs"),
            # All that lists filter by, and the key: a row with its config is fifty times as wide.
            models.Index(
                fields=[
                    *("project", "deleted_at", "state", "created_at"),
                    *("owner", "preset", "name", "id"),
                ],
                name="run_filters",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · #{self.pk}"

    @property
    def goes_on_at(self) -> datetime | None:
        """When it joins the queue by itself; None unless it waits for that."""
        if self.state != State.QUEUED or self.paused or self.resume_at is None:
            return None
        return self.resume_at if self.resume_at > timezone.now() else None

    @property
    def directory_name(self) -> str:
        """Folder of the run below R1WEB_HOME/runs."""
        return f"run-{self.pk:06d}"


class Supervised(models.Model):
    """A launcher on a node, followed by a supervisor of its own, from claim to end."""

    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    supervisor_pid = models.PositiveIntegerField(null=True, blank=True)
    supervisor_started = models.FloatField(
        null=True, blank=True, help_text="Process creation time; pid and this name a process."
    )
    launcher_pid = models.PositiveIntegerField(null=True, blank=True)
    launcher_started = models.FloatField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        abstract = True


class Attempt(Supervised):
    """One execution of a run. On several nodes this is the leading one's part, of node rank 0; the
    others' are its followers."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    node = models.ForeignKey(
        "cluster.Node", null=True, on_delete=models.SET_NULL, related_name="attempts"
    )
    start_step = models.PositiveIntegerField(
        default=0,
        help_text="Goes on after this step; earlier attempts' later points are superseded.",
    )
    checkpoint = models.ForeignKey(
        "Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    phase = models.CharField(max_length=20, blank=True)

    journal_seq = models.PositiveBigIntegerField(
        default=0, help_text="Newest journal line committed; the next one read is the one after."
    )
    journal_offset = models.PositiveBigIntegerField(default=0, help_text="Bytes read so far.")
    outcome = models.CharField(max_length=10, blank=True)

    node_rank = 0

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_attempt_a_number"),
            models.UniqueConstraint(
                fields=["run"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_attempt_a_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} attempt {self.number}"

    @property
    def attempt(self) -> "Attempt":
        """Itself, as a follower has it."""
        return self


class Transition(models.Model):
    """A change of a run's state. Never edited."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="transitions")
    attempt = models.ForeignKey(Attempt, null=True, blank=True, on_delete=models.SET_NULL)
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, choices=State.choices)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=150, help_text="A user's name, or the part that acted.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} → {self.to_state}"


class Checkpoint(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="checkpoints")
    attempt = models.ForeignKey(
        Attempt, null=True, on_delete=models.SET_NULL, related_name="checkpoints_written"
    )
    step = models.PositiveIntegerField()
    path = models.CharField(max_length=1024, help_text="Below the run's directory.")
    bytes = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=20)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-step", "-id"]

    def __str__(self) -> str:
        return f"{self.run} step {self.step}"


class Event(models.Model):
    """What happened, in order; the live stream and its gap filler read this one table.

    `seq` counts from 1 without holes for each run. `payload` is what the browser receives.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    attempt = models.ForeignKey(Attempt, null=True, on_delete=models.SET_NULL)
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=20)
    step = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)
    payload = models.JSONField()

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_a_seq")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq}"
