"""A quarter for each of the four tags that stands exactly once, wherever it stands.

A softer companion of the form: a policy far from it earns something for each step on the way. The
idea is open-r1's `tag_count`, which asks for line breaks beside the tags as well.
"""

from __future__ import annotations

TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def tag_count(completion: str) -> float:
    """0, 0.25, 0.5, 0.75 or 1."""
    return sum(completion.count(tag) == 1 for tag in TAGS) / len(TAGS)


def tags_amiss(completion: str) -> str:
    """Which tags do not stand once, and how often they do; "" when all do."""
    counts = {tag: completion.count(tag) for tag in TAGS}
    return ", ".join(f"{tag} {count} times" for tag, count in counts.items() if count != 1)
