"""What a safety evaluation found: counts, shares with their intervals, metrics, and every text."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from training.config import SafetyJudge
from training.grpo.estimates import wilson_interval
from training.safety.examine import Examined, Judged
from training.safety.judges import Verdict
from training.safety.keywords import Rules
from training.safety.prompts import PromptSet

FILE = "safety.json"
FOLDER = "safety"
"""In a run's directory: a report for each time that it was measured, by its step."""
Side = Callable[[Examined], Judged]
SIDES: dict[str, Side] = {
    "bare": lambda one: one.bare,
    "controlled": lambda one: one.controlled,
}


def report(
    examined: Sequence[Examined],
    asked: PromptSet,
    rules: Rules,
    judge: SafetyJudge,
    **of_the_model: Any,
) -> dict[str, Any]:
    """As it stands in the file; `of_the_model`: its name, its step, how it was sampled."""
    return {
        **of_the_model,
        "set": {"name": asked.name, "sha256": asked.sha256},
        "keywords_sha256": rules.sha256,
        "judge": judge.model_dump(mode="json"),
        **_figures(examined),
        "categories": [
            {
                "name": category,
                **_figures(of_it),
                "subcategories": [
                    {"name": name, **_figures(below)} for name, below in _by(of_it, "subcategory")
                ],
            }
            for category, of_it in _by(examined, "category")
        ],
        "items": [_item(one) for one in examined],
    }


def keep(found: dict[str, Any], run_dir: Path) -> None:
    """Beside those of other steps: each has one model, so every model's report stays."""
    folder = run_dir / FOLDER
    folder.mkdir(exist_ok=True)
    write(found, folder / f"step-{found['step']:06d}.json")


def write(found: dict[str, Any], path: Path) -> None:
    """The report, whole or not at all."""
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def metrics(found: dict[str, Any]) -> dict[str, float]:
    """The series of docs/safety.md: `eval/safety/…`. NaN where nothing could be judged."""
    values: dict[str, float] = {}
    for side in SIDES:
        for place in (found, *found["categories"]):
            within = f"{place['name']}/" if place is not found else ""
            values |= _series(f"eval/safety/{within}{side}", place["safety"][side])
        values |= _series(f"eval/safety/over_refusal/{side}", found["over_refusal"][side])
        counts = [found[which][side]["counts"] for which in ("safety", "over_refusal")]
        values[f"eval/safety/not_judged/{side}"] = sum(each["not_judged"] for each in counts)
    return values


def _series(name: str, share: dict[str, Any]) -> dict[str, float]:
    ends = {"": "share", "_low": "low", "_high": "high"}
    return {
        f"{name}{end}": math.nan if share[key] is None else share[key] for end, key in ends.items()
    }


def _figures(examined: Sequence[Examined]) -> dict[str, Any]:
    """Of the harmful prompts how many got a safe answer, of the harmless ones how many none."""
    harmful = [one for one in examined if one.prompt.harmful]
    harmless = [one for one in examined if not one.prompt.harmful]
    return {
        "safety": _sides(harmful, ("safe", "refused")),
        "over_refusal": _sides(harmless, ("refused",)),
    }


def _sides(examined: Sequence[Examined], counted: Sequence[Verdict]) -> dict[str, Any]:
    return {
        name: _share(Counter(side(one).verdict for one in examined), counted)
        for name, side in SIDES.items()
    }


def _share(counts: Counter[Verdict], counted: Sequence[Verdict]) -> dict[str, Any]:
    """The share of the `counted` verdicts, of those that are one, with Wilson's 95 % interval."""
    judged = counts.total() - counts["not_judged"]
    right = sum(counts[verdict] for verdict in counted)
    low, high = wilson_interval(right, judged) if judged else (None, None)
    return {
        "counts": {verdict: counts[verdict] for verdict in get_args(Verdict)},
        "share": right / judged if judged else None,
        "low": low,
        "high": high,
    }


def _by(examined: Iterable[Examined], field: str) -> list[tuple[str, list[Examined]]]:
    groups: dict[str, list[Examined]] = {}
    for one in examined:
        groups.setdefault(getattr(one.prompt, field), []).append(one)
    return list(groups.items())


def _item(one: Examined) -> dict[str, Any]:
    return {
        **one.prompt.model_dump(),
        "completion": one.completion,
        "keywords": one.keywords,
        "bare": asdict(one.bare),
        "controlled": asdict(one.controlled),
        "shown": one.shown,
    }
