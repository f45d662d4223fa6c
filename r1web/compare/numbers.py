"""Many runs in few words: `12,15,20-29`."""

import re

from r1web.errors import InvalidError

PART = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def run_numbers(text: str, most: int) -> list[int]:
    """The numbers, each once, in the order given. Raises InvalidError unless they are 1 to `most`.

    >>> run_numbers("12,20-22,12", most=200)
    [12, 20, 21, 22]
    """
    found: dict[int, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        matched = PART.fullmatch(part)
        if matched is None:
            raise InvalidError(
                f"“{part[:40]}” in `runs` is no number of a run: write them as in 12,15,20-29.",
                path="runs",
            )
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if last - first >= most:
            raise _too_many(most)
        found |= dict.fromkeys(range(first, last + 1))
        if len(found) > most:
            raise _too_many(most)
    if not found:
        raise InvalidError("Name at least one run in `runs`, as in 12,15,20-29.", path="runs")
    return list(found)


def _too_many(most: int) -> InvalidError:
    return InvalidError(f"`runs` takes at most {most} runs: leave some out.", path="runs")
