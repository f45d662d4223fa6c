"""A release is made: by a process of its own, which outlives the worker that started it."""

import hashlib
import json
import logging
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from r1web.cluster.services.nodes import node_name
from r1web.cluster.services.supervising import start_apart
from r1web.cluster.supervisor.database import Database
from r1web.releases import queue, selectors
from r1web.releases.models import Release, ReleaseState
from r1web.reports.rendering import RENDERERS
from r1web.reports.selectors import report_of
from r1web.runs.selectors import run_directory

logger = logging.getLogger(__name__)

BEAT_S = 2.0
SAID_CHARACTERS = 500
TAIL_BYTES = 8000


def start_export(*, release_id: int) -> None:
    """Start `manage.py release`, which outlives this worker, unless this machine is busy."""
    if not _busy():
        start_apart("release", str(release_id), log="releases")


def export(*, release_id: int) -> None:
    """Make the release, unless another process makes it or this machine makes another one."""
    database = Database()
    release = database.insist(lambda: claim(release_id))
    if release is None:
        return
    try:
        failed = _made(database, release)
        found = _found(release)
    except OSError as error:
        failed, found = f"{release.path} cannot be written: {error.strerror}.", {}
    database.insist(lambda: end(release, failed=failed, found=found))


def _made(database: Database, release: Release) -> str:
    """Have it made; why it was not, or nothing."""
    folder = run_directory(release.run)
    if not (folder / release.checkpoint.path).is_dir():
        return (
            f"{release.node} does not see {release.run.directory_name}/{release.checkpoint.path}: "
            "let nodes share the data folder, or start the worker that wrote it."
        )
    log = folder / f"{release.path}.log"
    log.parent.mkdir(exist_ok=True)
    with ExitStack() as stack:
        said = stack.enter_context(tempfile.TemporaryFile())
        complaints = stack.enter_context(log.open("w+b"))
        card = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".md"))
        words = [*_command(release), *_card(database, release, card)]
        code = _follow(database, release, words, said, complaints)
        return _why(complaints, code) if code else ""


def _card(database: Database, release: Release, file: IO[bytes]) -> list[str]:
    """The run's report, as who asked may read it, is the model card; of a release that is there
    already, the one it has."""
    there = selectors.directory_of(release)
    if (there / "release.json").is_file():
        made = json.loads((there / "release.json").read_bytes())["asked"]["card"]
        return ["--card", str(there / "README.md")] if made else []
    reader = release.asked_by
    if reader is None:
        return []
    report = database.insist(lambda: report_of(release.run, reader))
    file.write(RENDERERS["md"](report))
    file.flush()
    return ["--card", file.name]


def _busy() -> bool:
    """Whether this machine makes one already: its memory holds the model."""
    return Release.objects.filter(state=ReleaseState.EXPORTING, node=node_name()).exists()


@transaction.atomic
def claim(release_id: int) -> Release | None:
    """Take it for this process; None when it is taken, or this machine makes another one."""
    if _busy():
        return None
    ours = Release.objects.filter(pk=release_id, state=ReleaseState.QUEUED).update(
        state=ReleaseState.EXPORTING,
        node=node_name(),
        heartbeat_at=timezone.now(),
        reason="Starts.",
    )
    return (
        Release.objects.select_related("run__project", "checkpoint", "asked_by").get(pk=release_id)
        if ours
        else None
    )


@transaction.atomic
def end(release: Release, *, failed: str, found: dict[str, Any]) -> None:
    """Write down what came of it, unless it was given up meanwhile; then the next one's turn is."""
    pushed = {} if failed or not release.push_to else {"pushed_to": release.push_to}
    _own(release).update(
        state=ReleaseState.FAILED if failed else ReleaseState.READY,
        reason=failed,
        ended_at=timezone.now(),
        **pushed,
        **found,
    )
    following = Release.objects.filter(state=ReleaseState.QUEUED).order_by("asked_at").first()
    if following is not None:
        queue.export(following.pk, selectors.queue_of(following.checkpoint))


def _follow(
    database: Database,
    release: Release,
    command: list[str],
    said: IO[bytes],
    complaints: IO[bytes],
) -> int:
    """Run the trainer's own export, beat while it goes on, and say what it does; its exit code.

    It ends with this process, which holds its standard input.
    """
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=said, stderr=complaints
    ) as process:
        while True:
            try:
                return process.wait(BEAT_S)
            except subprocess.TimeoutExpired:
                if not _beat(database, release, _last_line(said)):
                    process.terminate()


def _command(release: Release) -> list[str]:
    folder = run_directory(release.run)
    model, out = folder / release.checkpoint.path, folder / release.path
    words = ["--model", str(model), "--out", str(out), "--dtype", release.dtype, "--attached"]
    push = ["--push", release.push_to] if release.push_to else []
    return [*settings.EXPORT_COMMAND, *words, *push]


def _beat(database: Database, release: Release, doing: str) -> bool:
    """False: it is not this process's any more. A database that is away says neither."""
    kept = [1]

    def beat() -> None:
        now = timezone.now()
        kept[0] = _own(release).update(heartbeat_at=now, reason=doing[:SAID_CHARACTERS])

    database.attempt(beat)
    return kept[0] == 1


def _own(release: Release) -> QuerySet[Release]:
    """Its row, unless it was given up or asked for anew."""
    return Release.objects.filter(
        pk=release.pk, state=ReleaseState.EXPORTING, asked_at=release.asked_at
    )


def _why(complaints: IO[bytes], code: int) -> str:
    """The trainer's own sentence where the mistake is a person's, else where to look."""
    if code == 2 and (sentence := _last_line(complaints)):
        return sentence[:SAID_CHARACTERS]
    if code < 0:
        return f"The export was ended by signal {-code}; ask for it again."
    logger.error("An export ended with %s: %s", code, _last_line(complaints))
    return f"The export ended with an error: {_last_line(complaints)[:SAID_CHARACTERS]}"


def _last_line(file: IO[bytes]) -> str:
    """Read without moving the place at which the child writes, which is this file's own."""
    size = os.fstat(file.fileno()).st_size
    tail = os.pread(file.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES))
    lines = tail.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _found(release: Release) -> dict[str, Any]:
    """What lies there: a directory whose push failed is whole, too."""
    file = selectors.directory_of(release) / "release.json"
    try:
        written = json.loads(file.read_bytes())
        own = {"bytes": file.stat().st_size, "sha256": _sha256(file)}
    except FileNotFoundError:
        return {"files": {}, "checked": ""}
    return {"files": {**written["files"], file.name: own}, "checked": written["checked"]}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
