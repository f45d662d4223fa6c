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

from r1web.cluster.models import Node
from r1web.cluster.planning import Need
from r1web.cluster.submission.system import SiteError
from r1web.runs.models import Run
from r1web.runs.selectors import run_directory

TEMPLATES = Path(__file__).parent / "templates"
ENDING_S = 60
"""Beyond the time to save: for the ranks to end and the last of the journal to be read."""


def render(run: Run, *, name: str, attempt: int, number: int) -> str:
    """The script or manifest of a run's attempt. Raises SiteError for a template of no use."""
    site = settings.R1WEB_SUBMIT
    assert site.template is not None  # noqa: S101 - whoever submits has one, see r1web.settings
    environment = Environment(
        loader=FileSystemLoader([site.template.parent, TEMPLATES]),
        autoescape=True,  # so that what a block has quoted already is known by its type
        finalize=_finalizer(QUOTING[site.to]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    values = {
        "name": name,
        "attempt": attempt,
        "number": number,
        "command": [*_program(site.to), "supervise", str(attempt)],
        **_values(run, number),
    }
    try:
        return environment.get_template(site.template.name).render(values)
    except (TemplateError, OSError, ValueError) as error:
        raise SiteError(f"The template {site.template} cannot be used: {error}.") from error


def file_of(run: Run, number: int, suffix: str) -> Path:
    """Where the file lies that was submitted: with the run, for people to read."""
    return run_directory(run) / f"submission-{number}{suffix}"


def _values(run: Run, number: int) -> dict[str, Any]:
    """What a template may use besides the job's own name; docs/clusters.md lists it."""
    site = settings.R1WEB_SUBMIT
    need = Need.of(run.config["hardware"])
    gpus = need.count("gpu") if site.gpus_per_node else 0
    of_node = site.gpus_per_node or settings.R1WEB_CPU_SLOTS
    return {
        "run": run.pk,
        "project": run.project.slug,
        "owner": run.owner.username,
        "priority": run.priority,
        "nodes": need.nodes,
        "gpus_per_node": gpus,
        "gpu_model": site.gpu_model,
        "cpus_per_node": max(1, site.cpus_per_node * (gpus or 1) // of_node),
        "home": str(settings.R1WEB_HOME),
        # A % in it would begin one of sbatch's patterns.
        "output": str(file_of(run, number, ".log")).replace("%", "%%"),
        "stop_grace_s": settings.R1WEB_STOP_GRACE_S,
        "warning_s": settings.R1WEB_STOP_GRACE_S + ENDING_S,
    }


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
