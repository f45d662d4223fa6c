"""New runs: from a preset, from a checkpoint, or from another run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from r1web.accounts.models import Project, User
from r1web.errors import ConflictError, ForbiddenError, InvalidError
from r1web.runs import selectors
from r1web.runs.models import Checkpoint, Run
from r1web.runs.services.edit import checked_name, checked_priority, checked_tags
from r1web.runs.services.lifecycle import require_usable
from r1web.runs.services.listing import keep_search_text
from r1web.runs.services.transitions import write_down
from training.config import Resolved, resolve
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
        parent_step=checkpoint.step if parent and checkpoint else None,
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
    return create_run(
        owner=actor,
        project=run.project,
        preset=run.preset or None,
        name=name,
        overrides=merge(run.config, overrides),
        checkpoint=start,
        tags=run.tags,
        preemptible=run.preemptible,
        parent=run,
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
    for field, path in resolved.config.models_named.items():
        chosen = checkpoint is not None and field == "model.path"
        if not chosen and path not in PRETRAIN_PRESETS and not user.is_staff:
            raise ForbiddenError(
                "Only staff may name a directory: take one of "
                f"{', '.join(sorted(PRETRAIN_PRESETS))}, or start from a checkpoint.",
                path=field,
            )
    model = selectors.known_model(resolved.config, checkpoint)
    if model is not None:
        # Which node it will be is not known yet: only a CPU that is asked for is surely one.
        on_cpu = resolved.config.hardware.device == "cpu"
        check_run(resolved.config, model, "cpu" if on_cpu else "cuda", longest_prompt=None)
    return resolved


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
