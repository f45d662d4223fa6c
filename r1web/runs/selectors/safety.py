"""What a run's safety evaluations have found."""

import logging
from pathlib import Path

from pydantic import ValidationError

from r1web.errors import ConflictError, NotFoundError
from r1web.runs.models import Event, Run
from r1web.runs.safety_schemas import (
    SafetyItemList,
    SafetyMeasuredOut,
    SafetyOut,
    SafetyReport,
)
from r1web.runs.selectors.details import run_directory

FOLDER = "safety"
EARLIER = "safety.json"
"""Where earlier releases kept the last one alone."""
LARGEST_BYTES = 64 * 2**20
"""A file that a request reads whole."""

logger = logging.getLogger(__name__)


def safety_of(run: Run, step: int | None) -> SafetyOut:
    """As measured at that step, or last. Raises NotFoundError and ConflictError."""
    paths = _paths(run)
    report = _report(paths, step)
    return SafetyOut(**report.model_dump(exclude={"items"}), measured=_measured(run, paths, report))


def safety_items(
    run: Run, step: int | None, *, category: str, subcategory: str, offset: int, limit: int
) -> SafetyItemList:
    """In the order of the set. Raises NotFoundError and ConflictError."""
    items = [
        item
        for item in _report(_paths(run), step).items
        if (item.category, item.subcategory) == (category, subcategory)
    ]
    return SafetyItemList(items=items[offset : offset + limit], total=len(items))


def _paths(run: Run) -> dict[int, Path]:
    """By step, the last one last."""
    directory = run_directory(run)
    found = {
        int(path.stem.removeprefix("step-")): path
        for path in (directory / FOLDER).glob("step-*.json")
    }
    earlier = directory / EARLIER
    if not found and earlier.is_file():
        return {_read(earlier).step: earlier}
    return dict(sorted(found.items()))


def _measured(run: Run, paths: dict[int, Path], report: SafetyReport) -> list[SafetyMeasuredOut]:
    """Whose figures stand in which file is told by the stream, which is read quicker."""
    told = Event.objects.filter(run=run, type="evaluation", step__in=paths).order_by("seq")
    models = dict(told.values_list("step", "payload__model")) | {report.step: report.model}
    return [SafetyMeasuredOut(step=step, model=models.get(step)) for step in paths]


def _report(paths: dict[int, Path], step: int | None) -> SafetyReport:
    if not paths:
        raise NotFoundError("This run has no safety evaluation.")
    wanted = max(paths) if step is None else step
    if wanted not in paths:
        steps = ", ".join(map(str, paths))
        raise NotFoundError(
            f"Safety was not measured at step {wanted}: take one of {steps}.", path="step"
        )
    return _read(paths[wanted])


def _read(path: Path) -> SafetyReport:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConflictError(f"{path.name} of this run is too large to be shown: read the file.")
        return SafetyReport.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError("This run has no safety evaluation.") from error
    except ValidationError as error:
        logger.exception("%s cannot be read", path)
        raise ConflictError(f"{path.name} of this run cannot be read.") from error
