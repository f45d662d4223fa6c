"""What goes into a run's bundle."""

import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings

from r1web.live.selectors import events_after
from r1web.metrics.selectors import Steps, exported_csv
from r1web.provenance.selectors import datasets_of
from r1web.reports.bundle import (
    ABOUT,
    CONFIG,
    EVENTS,
    NUMBERS,
    TOLERANCES,
    About,
    Machine,
    Tolerances,
    as_json,
)
from r1web.runs.models import Event, Run
from r1web.runs.selectors import checkpoint_out, stages_of

PAGE = 500
"""Events that are read at once."""
LOCKS = ("app.txt", "train.txt")


def bundle_parts(run: Run) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Name and bytes of each file, read as they are asked for."""
    yield ABOUT, [as_json(about(run).model_dump(mode="json"))]
    yield CONFIG, [as_json(run.config)]
    yield TOLERANCES, [as_json(Tolerances().model_dump(mode="json"))]
    yield "datasets.json", [as_json(_datasets(run))]
    cards = [used.model_dump(mode="json") for used in datasets_of(run)]
    yield "dataset-cards.json", [as_json(cards)]
    yield "checkpoints.json", [as_json(_checkpoints(run))]
    yield NUMBERS, exported_csv(run.pk, [], Steps())
    yield EVENTS, _events(run)
    for name in LOCKS:
        path = settings.BASE_DIR / "requirements" / name
        if path.is_file():
            yield f"requirements/{name}", [path.read_bytes()]


def about(run: Run) -> About:
    started = Event.objects.filter(run=run, type="started").order_by("seq").last()
    fields = Machine.model_fields
    told = {name: started.payload[name] for name in fields} if started else None
    return About(
        run=run.pk,
        name=run.name,
        digest=run.digest,
        seed=run.config["seed"],
        last_step=run.last_step,
        total_steps=run.total_steps,
        machine=Machine(**told) if told else None,
        code=code_version(),
    )


def code_version() -> str:
    """The commit that this code is of; empty where there is no git to ask."""
    asked = ["git", "-C", str(settings.BASE_DIR), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _datasets(run: Run) -> list[dict[str, Any]]:
    """Files of data that stages have read and made, with what is known of them."""
    found = []
    for stage in stages_of(run).stages:
        for direction, files in (("read", stage.inputs), ("made", stage.outputs)):
            told = [each.model_dump(mode="json") for each in files if each.role == "data"]
            found += [{"at": stage.name, "direction": direction, **each} for each in told]
    return found


def _checkpoints(run: Run) -> list[dict[str, Any]]:
    rows = run.checkpoints.select_related("attempt").order_by("pk")
    return [checkpoint_out(each).model_dump(mode="json") for each in rows]


def _events(run: Run) -> Iterator[bytes]:
    seq = 0
    while events := events_after(run.pk, seq, PAGE):
        for event in events:
            yield event.model_dump_json().encode() + b"\n"
        seq = events[-1].seq
