"""Groups as a policy might have written them."""

from training.grpo.rollouts import Group
from training.rewards import Reward
from training.rollout import Completion
from training.tasks import Problem


def group_of(
    texts: list[str], totals: list[float | None], lengths: list[int] | None = None, right: str = ""
) -> Group:
    """Each text with its reward and its length in tokens; `right` has a letter for each: y or n."""
    sizes = lengths or [len(text) for text in texts]
    marks = right or "y" * len(texts)
    return Group(
        Problem("1 + 1 =", "2"), "Q: 1 + 1 =", [1, 2],
        [Completion([3] * size, [-1.0] * size, "stop") for size in sizes],
        texts,
        [
            Reward({"accuracy": float(mark == "y")}, {}, total)
            for total, mark in zip(totals, marks, strict=True)
        ],
    )  # fmt: skip
