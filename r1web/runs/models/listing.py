"""What lists of runs are searched and sorted by: narrow tables beside the wide one."""

from django.db import models

from r1web.runs.models.run import Run


class SearchText(models.Model):
    """Name, preset and tags of a run, where a search need not read all its config."""

    run = models.OneToOneField(
        Run, primary_key=True, on_delete=models.CASCADE, related_name="search_text"
    )
    text = models.TextField(help_text="Case folded, a line each; those of tags begin with a tab.")

    def __str__(self) -> str:
        return self.text


class ValueName(models.Model):
    """A metric, or one of the numbers of a run's row."""

    name = models.CharField(max_length=120, unique=True)

    def __str__(self) -> str:
        return self.name


class LastValue(models.Model):
    """The newest value of a run on which no attempt works; lists are sorted and filtered by it.

    Those of a run under way are read from the run. What is missing or not finite has no row.
    """

    pk = models.CompositePrimaryKey("run_id", "name_id")
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="last_values", db_index=False
    )
    name = models.ForeignKey(ValueName, on_delete=models.CASCADE, related_name="+", db_index=False)
    value = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["name", "value", "run"], name="runs_by_value")]

    def __str__(self) -> str:
        return f"{self.name} {self.value}"
