"""New runs: from a preset, from a checkpoint, or from another run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from django.conf import settings
from django.db import IntegrityError, transaction

from r1web.accounts.models import Project, User
from r1web.errors import ConflictError, ForbiddenError, InvalidError
from r1web.runs import selectors
from r1web.runs.models import Checkpoint, Run
from r1web.runs.services.edit import checked_name, checked_priority, checked_tags
from r1web.runs.services.lifecycle import require_usable
from r1web.runs.services.listing import keep_search_text
from r1web.runs.services.pipelines import config_from_checkpoint, config_of_repeat
from r1web.runs.services.transitions import write_down
from r1web.runs.sources import files_named
from training.config import ConfigError, Resolved, RunConfig, resolve
from training.config.memory import check_run
from training.config.presets import PRETRAIN_PRESETS, merge


def create_run(
    *,
    owner: User,
    project: Project,
    preset: str | None,
    name: str,
    overrides: Mapping[str, Any],
    checkpoint: Checkpoint | None = None,
    tags: Sequence[str] = (),
    priority: int = 0,
    preemptible: bool = False,
    idempotency_key: str | None = None,
    parent: Run | None = None,
    parent_step: int | None = None,
) -> Run:
    """Write a queued run. The same key with the same request gives the run made the first time.

    Raises ConfigError or InvalidError, which name the field at fault, ForbiddenError for a model
    directory that only staff may name, and ConflictError for a key used for another request.
    """
    key = checked_key(idempotency_key)
    start = checkpoint and checkpoint.pk
    asked = _digest([project.pk, preset, name, overrides, start, list(tags), priority, preemptible])
    if key and (made := _made_with(owner, key, asked)):
        return made
    resolved = resolve_for(owner, preset, overrides, checkpoint)
    run = Run(
        owner=owner,
        project=project,
        name=checked_name(name),
        tags=checked_tags(tags),
        preset=preset or "",
        priority=checked_priority(priority),
        preemptible=preemptible,
        config=resolved.as_json(),
        overrides=resolved.overrides,
        digest=resolved.digest,
        total_steps=resolved.config.total_steps,
        start_checkpoint=checkpoint,
        parent=parent,
        parent_step=parent_step,
        idempotency_key=key,
        request_digest=asked if key else "",
    )
    try:
        return _write(run)
    except IntegrityError:
        if key and (made := _made_with(owner, key, asked)):
            return made
        raise


def fork_run(
    *,
    run: Run,
    actor: User,
    name: str,
    overrides: Mapping[str, Any],
    checkpoint: Checkpoint | None = None,
) -> Run:
    """A new run with `run`'s config under `overrides`, from a checkpoint of it or its newest.

    One with a pipeline goes on in the stage in which the checkpoint lies, which takes its steps
    anew from there, with the stages after it.

    Raises ConflictError when there is none yet, and what create_run raises.
    """
    start = checkpoint or selectors.newest_checkpoint(run)
    if start is None:
        raise ConflictError(
            f"Run {run.pk} has no checkpoint yet: start a new run with its config instead.",
            code="no_checkpoint",
        )
    if start.run_id != run.pk:
        raise InvalidError("This checkpoint belongs to another run.", path="checkpoint")
    require_usable(start)
    config = merge(run.config, overrides)
    going_on = config_from_checkpoint(run, config, start)
    return create_run(
        owner=actor,
        project=run.project,
        preset=run.preset or None,
        name=name,
        overrides=going_on or config,
        checkpoint=None if going_on else start,
        tags=run.tags,
        preemptible=run.preemptible,
        parent=run,
        parent_step=start.step,
    )


def repeat_stage(
    *,
    run: Run,
    actor: User,
    stage: str,
    to_end: bool,
    name: str,
    overrides: Mapping[str, Any],
) -> Run:
    """A new run of one stage of `run`, or of it and all after it, under `overrides`. It begins with
    what the stages before it have left in the run's directory.

    Raises NotFoundError for a stage that the run does not have, ConflictError where one that it
    needs has not finished, and what create_run raises.
    """
    before, config = config_of_repeat(run, merge(run.config, overrides), stage, to_end=to_end)
    return create_run(
        owner=actor,
        project=run.project,
        preset=run.preset or None,
        name=name,
        overrides=config,
        tags=run.tags,
        preemptible=run.preemptible,
        parent=run,
        parent_step=before,
    )


def clone_run(*, run: Run, actor: User) -> Run:
    """The same run once more, from the start."""
    return create_run(
        owner=actor,
        project=run.project,
        preset=run.preset or None,
        name=run.name,
        overrides=run.config,
        checkpoint=run.start_checkpoint,
        tags=run.tags,
        preemptible=run.preemptible,
    )


def checked_key(key: str | None) -> str | None:
    if key is not None and not 1 <= len(key) <= 200:
        raise InvalidError("An Idempotency-Key has 1 to 200 characters.", path="Idempotency-Key")
    return key


def resolve_for(
    user: User, preset: str | None, overrides: Mapping[str, Any], checkpoint: Checkpoint | None
) -> Resolved:
    """The config as it would run. Raises what create_run raises about config and checkpoint."""
    if checkpoint is not None:
        require_usable(checkpoint)
        runs = settings.R1WEB_RUNS_DIR
        directory = runs / checkpoint.run.directory_name / checkpoint.path
        overrides = merge(overrides, {"model": {"path": str(directory)}})
    resolved = resolve(preset, overrides)
    if "\\u0000" in json.dumps(resolved.as_json()):
        raise InvalidError("The config holds a NUL character: remove it.", path="config")
    _check_paths(user, resolved.config, checkpoint)
    # Which node it will be is not known yet: only a CPU that is asked for is surely one.
    device: Literal["cpu", "cuda"] = "cpu" if resolved.config.hardware.device == "cpu" else "cuda"
    for stage in selectors.known_stages(resolved.config, checkpoint):
        _check_stage(stage, device)
    return resolved


def _check_stage(stage: selectors.KnownStage, device: Literal["cpu", "cuda"]) -> None:
    try:
        check_run(stage.config, stage.model, device, longest_prompt=None)
    except ConfigError as error:
        problems = [replace(each, path=stage.field(each.path)) for each in error.problems]
        raise ConfigError(problems) from error


def _check_paths(user: User, config: RunConfig, checkpoint: Checkpoint | None) -> None:
    """Raises ForbiddenError at the field that names what the user may not read."""
    if user.is_staff:
        return
    for field, path in config.models_named.items():
        chosen = checkpoint is not None and field == "model.path"
        known = chosen or path in PRETRAIN_PRESETS
        if not known and not selectors.lies_in_visible_run(user, path):
            raise ForbiddenError(
                "Only staff may name a directory: take one of "
                f"{', '.join(sorted(PRETRAIN_PRESETS))}, or start from a checkpoint.",
                path=field,
            )
    for field, path in files_named(config).items():
        if checkpoint is not None and field == "model.path":
            continue
        if selectors.lies_in_some_run(path) and not selectors.lies_in_visible_run(user, path):
            raise ForbiddenError(
                "This lies in the directory of a run that you may not see.", path=field
            )


@transaction.atomic
def _write(run: Run) -> Run:
    run.save(force_insert=True)
    keep_search_text(run)
    reason = f"Created by {run.owner}."
    write_down(run=run, origin="", reason=reason, actor=str(run.owner), attempt=None)
    return run


def _made_with(owner: User, key: str, asked: str) -> Run | None:
    made = Run.objects.filter(owner=owner, idempotency_key=key).first()
    if made is not None and made.request_digest != asked:
        raise ConflictError(
            "This Idempotency-Key came with a different request before: use a new key.",
            path="Idempotency-Key",
            code="idempotency_key_reused",
        )
    return made


def _digest(request: Any) -> str:
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
