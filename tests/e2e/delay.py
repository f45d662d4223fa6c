"""How long it takes from a line in a run's journal to its value on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WATCH_STEPS = """
window.stepsSeen = {};
const look = () => requestAnimationFrame(() => {
  const bar = document.querySelector('main [role=progressbar]');
  const step = Number(bar?.getAttribute('aria-valuenow'));
  if (step && !(step in window.stepsSeen)) window.stepsSeen[step] = Date.now() / 1000;
});
new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true});
"""
"""For a run's page, before it loads: notes the Unix time of the frame that first shows a step."""


def delays(events: Sequence[Mapping[str, Any]], seen: Mapping[str, float]) -> list[float]:
    """Seconds from each line of metrics to the first frame that shows its step or a later one.

    Args:
        events: the run's events of type `metrics`, as REST gives them.
        seen: `window.stepsSeen` of the page.
    """
    first_seen = min(seen.values())
    shown = sorted((int(step), at) for step, at in seen.items())
    found = []
    for event in events:
        written = event["payload"]["time"]
        at = next((at for step, at in shown if step >= event["step"]), None)
        if at is not None and written >= first_seen:  # older ones came with the snapshot
            found.append(at - written)
    return found
