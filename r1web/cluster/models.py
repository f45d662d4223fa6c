"""Nodes, their devices, and who holds them."""

from django.db import models
from django.utils import timezone

from r1web.runs.models import Attempt, Supervised


class Node(models.Model):
    """A machine with a Celery worker on it, which registers itself and beats.

    Or a place for one machine's worth of a run in SLURM or Kubernetes: the worker that submits
    there registers as many as r1web may hold at once. They share its queue.
    """

    class Kind(models.TextChoices):
        MACHINE = "machine", "Machine"
        SLURM = "slurm", "SLURM"
        KUBERNETES = "kubernetes", "Kubernetes"

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.MACHINE)
    queue = models.CharField(max_length=150, help_text="Of the worker that starts its runs.")
    address = models.CharField(max_length=120, blank=True, help_text="Where other nodes reach it.")
    cpus = models.PositiveIntegerField(default=0)
    memory_bytes = models.PositiveBigIntegerField(default=0)
    disk_free_bytes = models.PositiveBigIntegerField(default=0)
    load = models.JSONField(
        default=dict, blank=True, help_text="cpu_percent, memory_percent, memory_used_bytes, gpus."
    )
    versions = models.JSONField(default=dict, blank=True)
    cordoned = models.BooleanField(default=False, help_text="Nothing new is placed on it.")
    labels = models.JSONField(
        default=list, blank=True, help_text="Words that runs may ask for, such as nvlink."
    )
    price_per_device_hour = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="US dollars."
    )
    registered_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_elsewhere(self) -> bool:
        """Whether what starts there is a job of another system, not a process of the worker's."""
        return self.kind != self.Kind.MACHINE


class Device(models.Model):
    """What is leased: a GPU, or a CPU slot of a node without GPUs."""

    class Kind(models.TextChoices):
        CPU = "cpu"
        GPU = "gpu"

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="devices")
    kind = models.CharField(max_length=3, choices=Kind.choices)
    index = models.PositiveIntegerField()
    model = models.CharField(max_length=120, blank=True)
    memory_bytes = models.PositiveBigIntegerField(default=0)
    native_fp8 = models.BooleanField(default=False, help_text="Multiplies FP8 numbers itself.")

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(fields=["node", "kind", "index"], name="one_device_a_place")
        ]

    def __str__(self) -> str:
        return f"{self.node} {self.kind}{self.index}"


class Lease(models.Model):
    """A device held by an attempt; it outlives the device, so that what a run cost stays known."""

    device = models.ForeignKey(Device, null=True, on_delete=models.SET_NULL, related_name="leases")
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="leases")
    created_at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=models.Q(released_at__isnull=True),
                name="one_open_lease_a_device",
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} for {self.attempt}"


class PortLease(models.Model):
    """A port of the leading node, at which the ranks of an attempt on several nodes meet."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="port_leases")
    port = models.PositiveIntegerField()
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="port_leases")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["node", "port"],
                condition=models.Q(released_at__isnull=True),
                name="one_open_lease_a_port",
            )
        ]

    def __str__(self) -> str:
        return f"{self.node}:{self.port} for {self.attempt}"


class Follower(Supervised):
    """The part of an attempt that a further node runs; the leading node's is the attempt itself."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="followers")
    node = models.ForeignKey(Node, null=True, on_delete=models.SET_NULL, related_name="followers")
    node_rank = models.PositiveIntegerField()

    class Meta:
        ordering = ["node_rank"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "node_rank"], name="one_follower_a_rank")
        ]

    def __str__(self) -> str:
        return f"{self.attempt} on {self.node}"


class Job(models.Model):
    """What an attempt was submitted as to SLURM or Kubernetes.

    `name` is chosen and stored before it is submitted, and never used again, so that a job is
    found by it when the answer got lost.
    """

    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="job")
    system = models.CharField(max_length=10, choices=Node.Kind.choices)
    queue = models.CharField(max_length=150, help_text="Of the worker that looks after it.")
    name = models.CharField(max_length=63, unique=True)
    key = models.CharField(max_length=63, blank=True, help_text="What the system calls it.")
    created_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0, help_text="To submit it.")
    try_at = models.DateTimeField(default=timezone.now, help_text="Not submitted before then.")
    submitted_at = models.DateTimeField(null=True, blank=True)
    running_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, blank=True, help_text="As the system tells it.")
    reason = models.TextField(blank=True, help_text="As the system tells it, one sentence.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_system_display()} job {self.key or self.name}"
