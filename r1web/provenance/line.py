"""What differs between neighbours in a checkpoint's line of parents."""

from collections import Counter
from itertools import pairwise

from r1web.provenance.schemas import Ancestor


def mark(line: list[Ancestor]) -> None:
    """Tell each what differs from the work before it; `line` has the newest first."""
    work = [each for each in line if each.kind == "work"]
    for here, before in pairwise(work):
        here.changed = _changed(here, before)
        here.notes += _notes(here, before)
    for each in work:
        if each.dirty:
            each.notes.insert(0, "Its code had changes that no commit holds.")


def _changed(here: Ancestor, before: Ancestor) -> list[str]:
    found = []
    if _models(here) != _models(before):
        found.append("devices")
    if (here.code_version, here.commit) != (before.code_version, before.commit):
        found.append("code")
    if here.digest != before.digest:
        found.append("config")
    names = {*here.versions, *before.versions}
    return found + sorted(x for x in names if here.versions.get(x) != before.versions.get(x))


def _models(each: Ancestor) -> Counter[str]:
    """Devices by model: which node they are in makes no difference."""
    models: Counter[str] = Counter()
    for device in each.devices:
        models[device.device] += device.count
    return models


def _notes(here: Ancestor, before: Ancestor) -> list[str]:
    notes = []
    if "devices" in here.changed:
        notes.append(f"Made on other hardware than what it begins with: before, {_words(before)}.")
    other = [name for name in here.changed if name in {*here.versions, *before.versions}]
    if other:
        told = (
            f"{name} {before.versions.get(name, 'none')} → {here.versions.get(name, 'none')}"
            for name in other
        )
        notes.append(f"Other versions than what it begins with: {', '.join(told)}.")
    return notes


def _words(each: Ancestor) -> str:
    return ", ".join(f"{count} × {model}" for model, count in sorted(_models(each).items()))
