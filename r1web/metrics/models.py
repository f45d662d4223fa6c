"""Series of numbers: one row a point, every point kept."""

from django.db import models

from r1web.runs.models import Attempt, Run


class Series(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="series", db_index=False)
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_series_a_name")]

    def __str__(self) -> str:
        return self.name


class Point(models.Model):
    """`value` null stands for NaN (SQLite cannot store NaN); infinities are stored as such.

    The database looks neither for the series nor for the attempt of a point, which would be almost
    half of its work for a step. Both are made before it, and removed with it or after it.
    """

    series = models.ForeignKey(
        Series,
        on_delete=models.CASCADE,
        related_name="points",
        db_constraint=False,
        db_index=False,  # point_series_step does as well
    )
    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    step = models.PositiveIntegerField()
    time = models.FloatField(help_text="Unix time in seconds.")
    value = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["series", "step"], name="point_series_step")]

    def __str__(self) -> str:
        return f"step {self.step}: {self.value}"
