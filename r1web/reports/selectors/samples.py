"""Completions that stand for all, chosen by rules and not by taste."""

from collections.abc import Iterator, Sequence

from django.db.models import Max, Min

from r1web.reports.document import Block, Paragraph, Sample, Section
from r1web.reports.numbers import number
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts
from r1web.rollouts.models import Completion, Group
from r1web.runs.superseded import effective, last_valid_steps

RULE = (
    "The rule: of the first, the middle and the last step with recorded rollouts, the first group, "
    "and of it the completions with the highest, the median and the lowest reward; of equal ones "
    "the one that was sampled first. Nobody has looked at them before."
)
MOST_CHARACTERS = 4000
"""Of a text; the rest is a click away."""


def section(facts: Facts) -> Section:
    found: list[Block] = [
        sample for which, group in _groups(facts) for sample in _of_group(which, group)
    ]
    if not found:
        return Section("Samples", [Paragraph("This run has recorded no rollouts.")])
    return Section("Samples", [Paragraph(RULE), *found])


def _groups(facts: Facts) -> Iterator[tuple[str, Group]]:
    """The first group of three steps, of which some may be the same."""
    counting = effective(last_valid_steps(facts.attempts))
    groups = Group.objects.filter(counting, run=facts.run).select_related("attempt", "segment")
    ends = groups.order_by().aggregate(first=Min("step"), last=Max("step"))
    if ends["first"] is None:
        return
    middle = (ends["first"] + ends["last"]) // 2
    wanted = {"first": ends["first"], "middle": middle, "last": ends["last"]}
    seen: set[int] = set()
    for which, step in wanted.items():
        group = groups.filter(step__gte=step).order_by("step", "index", "pk").first()
        if group is not None and group.step not in seen:
            seen.add(group.step)
            yield which, group


def _of_group(which: str, group: Group) -> Iterator[Sample]:
    for place, one in chosen(group.completions):
        yield Sample(
            title=f"Step {group.step:,} ({which}), {place} reward",
            facts=_facts(one),
            question=cut(group.question),
            text=cut(one.text),
            sources=[addresses.shared(f"groups/{group.pk}", "group")],
        )


def chosen(completions: Sequence[Completion]) -> list[tuple[str, Completion]]:
    """The best, the median (of an even number the upper one) and the worst by reward, each once;
    those without a reward are none of them."""
    scored = [each for each in completions if each.reward is not None]
    ranked = sorted(scored, key=lambda each: (-(each.reward or 0.0), each.index))
    if not ranked:
        return []
    worst = min(ranked, key=lambda each: (each.reward, each.index))
    found = [("highest", ranked[0]), ("median", ranked[(len(ranked) - 1) // 2]), ("lowest", worst)]
    kept: dict[int, tuple[str, Completion]] = {}
    for place, one in found:
        before = kept.get(one.index)
        kept[one.index] = (f"{before[0]} and {place}" if before else place, one)
    return list(kept.values())


def _facts(one: Completion) -> str:
    parts = ", ".join(f"{name} {number(value)}" for name, value in one.rewards.items())
    ended = "cut off at its longest" if one.finish_reason == "length" else "ended by itself"
    return f"reward {number(one.reward)} ({parts}), {one.length:,} tokens, {ended}"


def cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n[… {len(text) - MOST_CHARACTERS:,} more characters]"
