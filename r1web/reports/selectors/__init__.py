"""Puts a report together from what the product knows of a run."""

import re
from collections.abc import Iterator

from r1web.accounts.models import User
from r1web.reports.document import Card, Link, Report
from r1web.reports.numbers import at
from r1web.reports.selectors import (
    addresses,
    cost,
    curves,
    evaluation,
    hyperparameters,
    limits,
    overview,
    provenance,
    safety,
    samples,
)
from r1web.reports.selectors.facts import Facts, read_facts
from r1web.runs.models import Run

HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""A repository of the Hugging Face hub."""


def report_of(run: Run, reader: User) -> Report:
    """The supplement of a run, as it stands now; of other runs only what `reader` may see."""
    facts = read_facts(run, reader)
    return Report(
        title=run.name,
        subtitle=f"Run #{run.pk} of {run.project.name}, config {run.digest[:12]}",
        home=Link(f"#{run.pk}", addresses.page(run.pk).href),
        card=_card(facts),
        sections=[
            overview.section(facts),
            provenance.training(facts),
            hyperparameters.section(facts),
            curves.section(facts),
            evaluation.section(facts),
            safety.section(facts),
            cost.section(facts),
            provenance.section(facts),
            provenance.decontamination(facts),
            samples.section(facts),
            limits.section(facts),
        ],
    )


def _card(facts: Facts) -> Card:
    base = str(at(facts.run.config, "model.path") or "")
    kinds = dict.fromkeys(stage["type"] for stage in facts.tables.values())
    return Card(
        base_model=base if HUB.fullmatch(base) else None,
        datasets=list(dict.fromkeys(_hub_datasets(facts))),
        results=list(evaluation.results(facts)),
        tags=["r1web", "reinforcement-learning", *kinds, *map(str, facts.run.tags)],
    )


def _hub_datasets(facts: Facts) -> Iterator[str]:
    """Those that tasks are of, as the config names them."""
    for stage in facts.tables.values():
        parts = at(stage, "task.parts") or [stage]
        yield from (found for part in parts if (found := at(part, "task.dataset")))


__all__ = ["report_of"]
