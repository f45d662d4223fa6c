"""The operator's template becomes the file that is submitted.

What a template writes by `{{ }}` comes out as one word of the shell, or one value of JSON, whatever
is in it: quoting cannot be forgotten.
"""

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from r1web.cluster.models import Device, Job, Node
from r1web.cluster.submission.system import SiteError
from r1web.runs.models import Attempt
from r1web.runs.selectors import run_directory

TEMPLATES = Path(__file__).parent / "templates"
ENDING_S = 60
"""Beyond the time to save: for the ranks to end and the last of the journal to be read."""


def render(job: Job) -> str:
    """The script or manifest of a job. Raises SiteError when the template cannot be used."""
    template = settings.R1WEB_SUBMIT.template
    assert template is not None  # noqa: S101 - whoever submits has one, see r1web.settings
    environment = Environment(
        loader=FileSystemLoader([template.parent, TEMPLATES]),
        autoescape=True,  # so that what a block has quoted already is known by its type
        finalize=_finalizer(QUOTING[job.system]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    try:
        return environment.get_template(template.name).render(context(job))
    except (TemplateError, OSError, ValueError) as error:
        raise SiteError(f"The template {template} cannot be used: {error}.") from error


def file_of(job: Job, suffix: str) -> Path:
    """Where the file lies that was submitted: with the run, for people to read."""
    return run_directory(job.attempt.run) / f"submission-{job.attempt.number}{suffix}"


def context(job: Job) -> dict[str, Any]:
    """What a template may use; docs/clusters.md lists it."""
    attempt = job.attempt
    devices = list(Device.objects.filter(leases__attempt=attempt, leases__released_at=None))
    nodes = len({device.node_id for device in devices}) or 1
    gpus = [device for device in devices if device.kind == Device.Kind.GPU]
    return {
        "name": job.name,
        "run": attempt.run_id,
        "attempt": attempt.pk,
        "number": attempt.number,
        "project": attempt.run.project.slug,
        "owner": attempt.run.owner.username,
        "priority": attempt.run.priority,
        "nodes": nodes,
        "gpus_per_node": len(gpus) // nodes,
        "gpu_model": gpus[0].model if gpus else "",
        "cpus_per_node": _cpus(attempt, len(devices) // nodes),
        "home": str(settings.R1WEB_HOME),
        # A % in it would begin one of sbatch's patterns.
        "output": str(file_of(job, ".log")).replace("%", "%%"),
        "stop_grace_s": settings.R1WEB_STOP_GRACE_S,
        "warning_s": settings.R1WEB_STOP_GRACE_S + ENDING_S,
        "command": [*_program(job.system), "supervise", str(attempt.pk)],
    }


def _cpus(attempt: Attempt, leased: int) -> int:
    """The share of a node's cores that goes with so many of its devices."""
    if attempt.node is None:
        return 1
    return max(1, attempt.node.cpus * leased // max(1, attempt.node.devices.count()))


def _program(system: str) -> list[str]:
    """manage.py, as the job finds it: at the worker's own path, or in the image's folder."""
    if system == Node.Kind.KUBERNETES:
        return ["python", "manage.py"]
    return [sys.executable, str(settings.BASE_DIR / "manage.py")]


def _shell(value: object) -> str:
    words = value if isinstance(value, list) else [value]
    quoted = shlex.join(str(word) for word in words)
    if "\n" in quoted or "\r" in quoted:  # it would end a line that begins with #SBATCH
        raise ValueError(f"{value!r} has more than one line")
    return quoted


QUOTING: Mapping[str, Callable[[object], str]] = {
    Node.Kind.SLURM: _shell,
    Node.Kind.KUBERNETES: json.dumps,
}


def _finalizer(quote: Callable[[object], str]) -> Callable[[object], object]:
    def finalize(value: object) -> object:
        if isinstance(value, StrictUndefined):
            return value  # Jinja says its name
        return value if isinstance(value, Markup) else Markup(quote(value))  # noqa: S704 - no HTML

    return finalize
