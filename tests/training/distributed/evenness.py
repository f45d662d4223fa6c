"""A reward in which even a random model's completions differ."""

from typing import Any


def rewards(completion: Any, problem: Any, options: Any) -> dict[str, float]:
    return {"evenness": sum(map(ord, completion.text)) % 7 / 6}
