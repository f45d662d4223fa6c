"""What is read about runs."""

from r1web.runs.selectors.checkpoints import newest_checkpoint, passed_over
from r1web.runs.selectors.conditions import Condition, parse_conditions
from r1web.runs.selectors.deleted import (
    deleted_out,
    deleted_run,
    due_to_go,
    restorable_runs,
)
from r1web.runs.selectors.details import (
    attempt_out,
    checkpoint_out,
    log_tail,
    permissions,
    run_detail,
    run_directory,
    transition_out,
)
from r1web.runs.selectors.memory import UNKNOWN as MEMORY_UNKNOWN
from r1web.runs.selectors.memory import KnownStage, known_stages, memory_of
from r1web.runs.selectors.paths import lies_in_some_run, lies_in_visible_run
from r1web.runs.selectors.plans import pipeline_of
from r1web.runs.selectors.rows import (
    rows_with_projects,
    run_row,
    with_row_relations,
)
from r1web.runs.selectors.safety import safety_items, safety_of
from r1web.runs.selectors.spending import Spent, spent, spent_by_project, with_devices
from r1web.runs.selectors.stages import products_of, stages_of
from r1web.runs.selectors.table import read_table
from r1web.runs.selectors.values import known_metrics
from r1web.runs.selectors.visible import (
    changeable_run,
    filtered,
    may_change,
    open_attempt,
    project_for_new_run,
    visible_checkpoint,
    visible_run,
    visible_runs,
)

__all__ = [
    "MEMORY_UNKNOWN",
    "Condition",
    "KnownStage",
    "Spent",
    "attempt_out",
    "changeable_run",
    "checkpoint_out",
    "deleted_out",
    "deleted_run",
    "due_to_go",
    "filtered",
    "known_metrics",
    "known_stages",
    "lies_in_some_run",
    "lies_in_visible_run",
    "log_tail",
    "may_change",
    "memory_of",
    "newest_checkpoint",
    "open_attempt",
    "parse_conditions",
    "passed_over",
    "permissions",
    "pipeline_of",
    "products_of",
    "project_for_new_run",
    "read_table",
    "restorable_runs",
    "rows_with_projects",
    "run_detail",
    "run_directory",
    "run_row",
    "safety_items",
    "safety_of",
    "spent",
    "spent_by_project",
    "stages_of",
    "transition_out",
    "visible_checkpoint",
    "visible_run",
    "visible_runs",
    "with_devices",
    "with_row_relations",
]
