"""A database with a long queue, for scheduling.py."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.cluster import services
from r1web.cluster.models import Device, Node
from r1web.runs.models import Run
from training.config import resolve

NEEDS = ({"processes": 8}, {"processes": 1}, {"processes": 4, "gpu_model": "H200"})
GPUS = 8


def fill(runs: int, nodes: int) -> None:
    """Nodes of which every one is taken by a run, and `runs` that wait for them, unexplained."""
    owner = User.objects.create_user("bench")
    projects = [Project.objects.create(slug=f"p{n}", name=f"Project {n}") for n in range(20)]
    made = Node.objects.bulk_create(
        Node(name=f"node-{n}", queue=f"node.node-{n}", heartbeat_at=timezone.now())
        for n in range(nodes)
    )
    Device.objects.bulk_create(
        Device(node=node, kind="gpu", index=index, model="NVIDIA H200", memory_bytes=141 * 10**9)
        for node in made
        for index in range(GPUS)
    )
    queue(owner, projects, [{"processes": GPUS}] * nodes)
    services.schedule()
    queue(owner, projects, [NEEDS[n % len(NEEDS)] for n in range(runs)])


def queue(owner: User, projects: Sequence[Project], needs: Sequence[dict[str, object]]) -> None:
    config = resolve("r1-zero-nano", {"hardware": {"device": "cuda"}}).as_json()
    Run.objects.bulk_create(
        Run(
            owner=owner,
            project=projects[n % len(projects)],
            name=f"run {n}",
            config={**config, "hardware": {**config["hardware"], **need}},
            total_steps=100,
        )
        for n, need in enumerate(needs)
    )


def whole_pass() -> None:
    Node.objects.update(heartbeat_at=timezone.now())
    services.schedule()
