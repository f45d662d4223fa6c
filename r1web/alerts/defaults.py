"""The rules that every project begins with, and so every run. docs/alerts.md says why these."""

from typing import Any

from r1web.alerts.models import Direction, RuleKind

THRESHOLD, ABOVE, BELOW = RuleKind.THRESHOLD, Direction.ABOVE, Direction.BELOW

DEFAULT_RULES: list[dict[str, Any]] = [
    {"name": "Failed or lost", "kind": RuleKind.STATE, "states": ["failed", "lost"]},
    {"name": "No metrics", "kind": RuleKind.ABSENCE, "seconds": 1800},
    {
        "name": "Loss is not a number",
        "kind": RuleKind.NONFINITE,
        "metric": "optim/loss",
        "points": 1,
    },
    {
        "name": "Flat groups",
        "kind": THRESHOLD,
        "metric": "groups/flat",
        "direction": ABOVE,
        "limit": 0.9,
        "points": 20,
    },
    {
        "name": "Truncated completions",
        "kind": THRESHOLD,
        "metric": "completion/truncated",
        "direction": ABOVE,
        "limit": 0.5,
        "points": 10,
    },
    {
        "name": "Entropy collapse",
        "kind": THRESHOLD,
        "metric": "entropy/mean",
        "direction": BELOW,
        "limit": 0.01,
        "points": 20,
    },
    {
        "name": "KL blow-up",
        "kind": THRESHOLD,
        "metric": "kl/mean",
        "direction": ABOVE,
        "limit": 1.0,
        "points": 5,
    },
    {
        "name": "Reward falls",
        "kind": RuleKind.SLOPE,
        "metric": "reward/mean",
        "direction": BELOW,
        "limit": -0.005,
        "points": 50,
    },
]
