"""What the run's own numbers say against it, without anybody's judgement."""

from collections.abc import Iterator

from r1web.reports.document import Block, Bullets, Paragraph, Section
from r1web.reports.numbers import share
from r1web.reports.selectors import addresses, cost
from r1web.reports.selectors.evaluation import final_evaluation
from r1web.reports.selectors.facts import BOUNDS, Facts
from r1web.runs.models import State
from r1web.runs.selectors.results import number_of
from r1web.runs.superseded import last_valid_steps


def section(facts: Facts) -> Section:
    blocks: list[Block] = [
        Bullets(list(_limits(facts)), [addresses.data(facts.run.pk, "metrics", "metrics")]),
        Paragraph("These are derived from what the run has recorded. What it did not, they omit."),
    ]
    return Section("Limits", blocks)


def _limits(facts: Facts) -> Iterator[str]:
    yield (
        f"One seed ({facts.run.config.get('seed', 'not recorded')}): how much of this is luck of "
        "the seed is not known."
    )
    yield from _ending(facts)
    yield from _evaluated(facts)
    yield from _shares(facts)
    yield from _again(facts)


def _ending(facts: Facts) -> Iterator[str]:
    run = facts.run
    if run.state != State.FINISHED:
        why = f": {run.reason}" if run.reason else ""
        yield f"The run is {run.state} at step {run.last_step:,} of {run.total_steps:,}{why}"


def _evaluated(facts: Facts) -> Iterator[str]:
    final = final_evaluation(facts)
    if final is None:
        yield "No held-out score of the last policy."
        return
    low, high = (number_of(final.payload["values"].get(bound)) for bound in BOUNDS)
    if low is None or high is None:
        yield "The last evaluation has no interval."
    else:
        width = 100 * (high - low)
        yield (
            f"The 95 % interval of the last pass@1 is {width:.1f} points wide, with "
            f"{final.payload['problems']} problems: smaller differences say nothing."
        )


def _shares(facts: Facts) -> Iterator[str]:
    said = {
        "completion/truncated": "{} of completions were cut off at their longest.",
        "groups/flat": "{} of groups had equal rewards, which teach nothing.",
    }
    for name, text in said.items():
        mean = facts.mean(name)
        yield text.format("An unknown share" if mean is None else share(mean))
    counts = {
        "optim/skipped": "{} optimiser steps were skipped.",
        "reward/errors": "{} parts of rewards could not be computed.",
    }
    for name, text in counts.items():
        mean = facts.mean(name)
        counted = facts.series[name].total if name in facts.series else 0
        yield text.format("An unknown number of" if mean is None else f"{round(mean * counted):,}")


def _again(facts: Facts) -> Iterator[str]:
    limits = last_valid_steps(facts.attempts)
    replaced = sum(limit is not None for limit in limits.values())
    if len(facts.attempts) > 1:
        yield (
            f"{len(facts.attempts)} attempts; {replaced} of them may have steps that a later one "
            f"did again. {share(cost.wasted(facts))} of device time is waste."
        )
