"""What a run's last safety evaluation has found."""

import logging

from pydantic import ValidationError

from r1web.errors import ConflictError, NotFoundError
from r1web.runs.models import Run
from r1web.runs.safety_schemas import SafetyItemList, SafetyOut, SafetyReport
from r1web.runs.selectors.details import run_directory

FILE = "safety.json"
LARGEST_BYTES = 64 * 2**20
"""A file that a request reads whole."""

logger = logging.getLogger(__name__)


def safety_of(run: Run) -> SafetyOut:
    """Raises NotFoundError and ConflictError."""
    return SafetyOut(**_report(run).model_dump(exclude={"items"}))


def safety_items(
    run: Run, *, category: str, subcategory: str, offset: int, limit: int
) -> SafetyItemList:
    """In the order of the set. Raises NotFoundError and ConflictError."""
    items = [
        item
        for item in _report(run).items
        if (item.category, item.subcategory) == (category, subcategory)
    ]
    return SafetyItemList(items=items[offset : offset + limit], total=len(items))


def _report(run: Run) -> SafetyReport:
    path = run_directory(run) / FILE
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConflictError(f"{FILE} of this run is too large to be shown: read the file.")
        return SafetyReport.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError("This run has no safety evaluation.") from error
    except ValidationError as error:
        logger.exception("%s cannot be read", path)
        raise ConflictError(f"{FILE} of this run cannot be read.") from error
