"""What an alert says: one sentence with the numbers that made it."""

from collections.abc import Sequence
from datetime import timedelta

from r1web.alerts.conditions import Point, slope
from r1web.alerts.models import Rule, RuleKind, Unit
from r1web.runs.models import Transition

REASON_LENGTH = 500


def measured(rule: Rule, recent: Sequence[Point]) -> str:
    step, value, _ = recent[-1]
    if rule.kind == RuleKind.NONFINITE:
        return f"{rule.metric} is {value} at step {step}."
    if rule.kind == RuleKind.SLOPE:
        change = f"{slope(recent):.3g} a step over the last {len(recent)} points"
        return f"{rule.metric} changes by {change}, {rule.direction} {rule.limit:g}."
    lasting = f" for {rule.points} points" if rule.points and rule.points > 1 else ""
    return f"{rule.metric} is {rule.direction} {rule.limit:g}{lasting}: {value:.4g} at step {step}."


def state(transition: Transition) -> str:
    reason = transition.reason[:REASON_LENGTH]
    return (
        f"The run is {transition.to_state}: {reason}"
        if reason
        else (f"The run is {transition.to_state}.")
    )


def silence(lasted: timedelta) -> str:
    return f"No metrics for {round(lasted.total_seconds()):,} s while the run is running."


def over_budget(rule: Rule, used: float) -> str:
    """What a run, or a project in its window of days, has cost."""
    limit = rule.limit or 0.0
    if rule.unit == Unit.USD:
        cost, most = f"${used:,.2f}", f"${limit:,.2f}"
    else:
        cost, most = f"{used:,.3g} device-hours", f"{limit:,.3g}"
    if rule.days is None:
        return f"The run has cost {cost}, more than its budget of {most}."
    lately = "day" if rule.days == 1 else f"{rule.days} days"
    return f"{rule.project} has cost {cost} in the last {lately}, more than its budget of {most}."
