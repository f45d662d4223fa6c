"""Series of numbers, every point kept, in columns.

What a trainer tells at one step is a `Line`. Once an attempt has enough of them they become a
`Page`, its values a `Chunk` for each series; sixteen pages get a page above them, whose chunks hold
buckets of steps instead of points, and sixteen of those another. See docs/curves.md.
"""

from django.db import models

from r1web.runs.models import Attempt, Run


class Series(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="series", db_index=False)
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_series_a_name")]

    def __str__(self) -> str:
        return self.name


class Layout(models.Model):
    """Which series the values of a line belong to, in order: the same for most lines of a run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=16, help_text="Of `series`.")
    series = models.BinaryField(help_text="Keys of series, as little-endian int64.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "digest"], name="one_layout_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{len(self.series) // 8} series"


class Line(models.Model):
    """The values of one step that are not in a page yet.

    The database looks neither for the layout nor for the attempt, which would be a good part of its
    work for a step. Both are made before it, and removed with it or after it.
    """

    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    layout = models.ForeignKey(
        Layout, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    seq = models.PositiveBigIntegerField(null=True, help_text="Of the event that told it.")
    step = models.PositiveIntegerField()
    time = models.FloatField(help_text="Unix time in seconds.")
    values = models.BinaryField(help_text="Little-endian float64, in the order of the layout.")

    def __str__(self) -> str:
        return f"step {self.step}"


OUTLINE = 99
"""Level of the page that shows an attempt in few buckets, from its beginning on."""


class Page(models.Model):
    """Consecutive lines of an attempt: all of their points (level 0), or buckets of steps."""

    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="pages", db_index=False
    )
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    level = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField(help_text="Of its first page of level 0, from 0.")
    until = models.PositiveIntegerField(help_text="Of the first page of level 0 after it.")
    width = models.PositiveBigIntegerField(help_text="Steps a bucket, a power of two; 0: points.")
    items = models.PositiveIntegerField(
        help_text="Points or buckets of a series that has them all."
    )
    lines = models.PositiveBigIntegerField()
    first_step = models.PositiveIntegerField()
    last_step = models.PositiveIntegerField()
    first_seq = models.PositiveBigIntegerField(null=True)
    last_seq = models.PositiveBigIntegerField(null=True)
    axes = models.BinaryField(help_text="Steps, times and event numbers, see codec.py.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "level", "number"], name="one_page_a_place")
        ]

    def __str__(self) -> str:
        return f"steps {self.first_step} to {self.last_step}"


class Chunk(models.Model):
    """A series within a page; there is none where it has no points."""

    series = models.ForeignKey(
        Series, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="chunks")
    points = models.PositiveBigIntegerField()
    data = models.BinaryField(help_text="See codec.py.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "page"], name="one_chunk_a_page")]

    def __str__(self) -> str:
        return f"{self.series}, {self.page}"
