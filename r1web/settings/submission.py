"""What a worker stands for that submits runs to SLURM or Kubernetes, from the environment."""

from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from r1web.settings import environment

SYSTEMS = ("machine", "slurm", "kubernetes")


@dataclass(frozen=True)
class Submission:
    """What r1web may hold there at once: so many nodes, each with so many of the same GPUs."""

    to: str = "machine"
    """A name of SYSTEMS; "machine": runs start on the worker's own."""
    template: Path | None = None
    """The operator's file; never None when runs are submitted."""
    nodes: int = 1
    gpus_per_node: int = 0
    gpu_model: str = ""
    gpu_memory_gb: int = 0
    native_fp8: bool = False
    cpus_per_node: int = 1


def read() -> Submission:
    """Raises ImproperlyConfigured when something is missing or cannot be."""
    to = environment.choice("R1WEB_SUBMIT_TO", "machine", SYSTEMS)
    return Submission(
        to=to,
        template=None if to == "machine" else _template(to),
        nodes=environment.integer("R1WEB_SUBMIT_NODES", 1, 1, 10_000),
        gpus_per_node=environment.integer("R1WEB_SUBMIT_GPUS_PER_NODE", 0, 0, 64),
        gpu_model=environment.text("R1WEB_SUBMIT_GPU_MODEL"),
        gpu_memory_gb=environment.integer("R1WEB_SUBMIT_GPU_MEMORY_GB", 0, 0, 10_000),
        native_fp8=environment.flag("R1WEB_SUBMIT_NATIVE_FP8", False),
        cpus_per_node=environment.integer("R1WEB_SUBMIT_CPUS_PER_NODE", 1, 1, 100_000),
    )


def _template(to: str) -> Path:
    given = environment.text("R1WEB_SUBMIT_TEMPLATE")
    if not given or not Path(given).is_file():
        raise ImproperlyConfigured(
            f"R1WEB_SUBMIT_TEMPLATE is “{given}”, but must be a file that says what your site "
            f"needs of a {to} job: docs/clusters.md has one to begin with."
        )
    return Path(given).resolve()
