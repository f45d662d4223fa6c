"""Device time that was booked, and what is needed to go on booking. See docs/ledger.md."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from r1web.runs.models import Attempt, Run


class Phase(models.TextChoices):
    """What a leased device did. Every millisecond of a lease is booked as one of these."""

    SAMPLING = "sampling"
    REWARD = "reward"
    TRAINING = "training"
    EVALUATION = "evaluation"
    CHECKPOINT = "checkpoint"
    IDLE = "idle"
    """Starting, loading, waiting: nothing that the run's journal tells of."""
    WASTE = "waste"
    """Work of which nothing is left: its steps were lost in a crash, or done once more."""


class Booking(models.Model):
    """Time of an attempt's devices of one model on one node, in one phase, on one UTC day."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="bookings")
    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="bookings", db_index=False
    )
    day = models.DateField(help_text="UTC; prices hold for whole days.")
    stage = models.CharField(max_length=60, help_text="Of the pipeline, as the journal calls it.")
    phase = models.CharField(max_length=10, choices=Phase.choices)
    node = models.CharField(max_length=120, help_text="Its name, which outlives it.")
    device_model = models.CharField(max_length=120)
    device_ms = models.BigIntegerField(default=0, help_text="Milliseconds times devices.")
    measured_ms = models.BigIntegerField(
        default=0, help_text="So much of it was the energy measured of."
    )
    measured_mj = models.BigIntegerField(default=0, help_text="That energy, in millijoules.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "day", "stage", "phase", "node", "device_model"],
                name="one_booking_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.device_ms} ms of {self.phase} on {self.node}"


FAULT_LENGTH = 300


class Meter(models.Model):
    """Up to when an attempt's devices are booked, and what they do since then.

    Whoever changes it holds the run's row.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="meter")
    holds = models.JSONField(help_text="[node, device model, keys of leases] of each kind.")
    reading = models.JSONField(help_text="See reading.py.")
    unmeasured = models.JSONField(
        default=dict,
        help_text="By node that measures energy: device milliseconds by account since it last did.",
    )
    fault = models.CharField(
        max_length=FAULT_LENGTH,
        blank=True,
        help_text="Why lines could not be booked, the first time.",
    )

    def __str__(self) -> str:
        return f"Meter of attempt {self.attempt_id}"


class Price(models.Model):
    """What an hour of a device model costs from a day on. Never edited: a later row replaces it."""

    class Tenure(models.TextChoices):
        RENTED = "rented", "Rented"
        OWNED = "owned", "Owned"

    device_model = models.CharField(
        max_length=120, help_text="As the ledger names it, such as NVIDIA H800, or CPU slot."
    )
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217.")
    per_hour = models.DecimalField(max_digits=12, decimal_places=6)
    tenure = models.CharField(max_length=6, choices=Tenure.choices, default=Tenure.RENTED)
    valid_from = models.DateField(help_text="UTC. What was booked since then costs this, too.")
    note = models.CharField(max_length=200, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.device_model}: {self.per_hour} {self.currency} from {self.valid_from}"


class Mark(models.Model):
    """What was booked for an attempt when it wrote a checkpoint: what came later is lost when the
    run goes on from there."""

    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="marks", db_index=False
    )
    step = models.PositiveIntegerField()
    path = models.CharField(max_length=1024, help_text="Of the checkpoint, in the run's folder.")
    booked = models.JSONField(help_text="Device milliseconds by key of the booking.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt", "step"], name="one_mark_a_step")]

    def __str__(self) -> str:
        return f"Attempt {self.attempt_id} after step {self.step}"
