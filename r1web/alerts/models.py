"""Rules that watch runs, the alerts they raise, and where and how these are sent."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.accounts.models import Project
from r1web.runs.models import Attempt, Run


class RuleKind(models.TextChoices):
    THRESHOLD = "threshold"
    SLOPE = "slope"
    NONFINITE = "nonfinite"
    ABSENCE = "absence"
    STATE = "state"
    BUDGET = "budget"
    PROJECT_BUDGET = "project_budget"


class Action(models.TextChoices):
    """What follows besides the alert; see docs/alerts.md for whom it concerns."""

    TELL = "tell"
    PAUSE = "pause"
    STOP = "stop"


class Unit(models.TextChoices):
    DEVICE_HOURS = "device_hours", "device-hours"
    USD = "usd", "US dollars"


class Direction(models.TextChoices):
    ABOVE = "above"
    BELOW = "below"


class TargetKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook"
    SLACK = "slack"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class Rule(models.Model):
    """One thing to watch. Without a run it is one of the project's, copied to each new run.

    A project's budget watches the project as a whole and is not copied.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_rules")
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules"
    )
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=RuleKind.choices)
    metric = models.CharField(max_length=120, blank=True)
    direction = models.CharField(max_length=5, choices=Direction.choices, blank=True)
    limit = models.FloatField(null=True, blank=True, help_text="For a slope: change a step.")
    points = models.PositiveIntegerField(
        null=True, blank=True, help_text="In a row; for a slope, those it is taken over."
    )
    seconds = models.PositiveIntegerField(null=True, blank=True, help_text="Without a metric.")
    states = models.JSONField(default=list, blank=True)
    unit = models.CharField(max_length=12, choices=Unit.choices, blank=True)
    days = models.PositiveIntegerField(
        null=True, blank=True, help_text="A project's budget counts what the last days have cost."
    )
    action = models.CharField(max_length=5, choices=Action.choices, default=Action.TELL)
    enabled = models.BooleanField(default=True)

    recent = models.JSONField(
        default=list,
        editable=False,
        help_text="The newest points: step, value as text, journal seq.",
    )
    fired_step = models.PositiveIntegerField(
        null=True, editable=False, help_text="Set from the alert until the rule has cleared."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """A rule has fired. It keeps what the rule said then, which may be edited or deleted since.

    Without a run it is about the project as a whole.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alerts")
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="alerts")
    attempt = models.ForeignKey(Attempt, null=True, on_delete=models.SET_NULL, related_name="+")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="alerts")
    key = models.CharField(
        max_length=80, help_text="Names rule and cause: the same one twice gives one alert."
    )
    rule_name = models.CharField(max_length=120)
    metric = models.CharField(max_length=120, blank=True)
    step = models.PositiveIntegerField()
    has_value = models.BooleanField(default=False)
    value = models.FloatField(null=True, help_text="Null with has_value stands for NaN.")
    message = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    cleared_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_alert_a_cause")]

    def __str__(self) -> str:
        return f"{self.run or self.project}: {self.rule_name}"


class Target(models.Model):
    """Where a project's alerts go. Address and secret may be used by others: neither is shown."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_targets")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=TargetKind.choices)
    address = models.CharField(max_length=500)
    secret = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One alert on its way to one target; without an alert, a test of the target."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_deliveries")
    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="deliveries")
    target = models.ForeignKey(
        Target, null=True, on_delete=models.SET_NULL, related_name="deliveries"
    )
    target_name = models.CharField(max_length=80)
    status = models.CharField(
        max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, help_text="Of the last try.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "target"], name="one_delivery_a_target")
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.alert or 'test'} → {self.target_name}"
