"""How long a scheduling pass takes, and how full a cluster gets.

A pass is measured twice: planning alone (5,000 queued runs and 500 nodes, two thirds of them busy),
and with reading the queue from the database and writing down why everybody waits. Then 10,000
random jobs live through 200 nodes, with every rule asserted at every tick, and what was used is
compared with an ideal packing: jobs as divisible as water, and no order among them.

    .venv/bin/python -m benchmarks.scheduling
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from statistics import median

from r1web.cluster.planning import Holding, NodeView, Snapshot, make_plan
from tests.r1web.cluster import simulation

RUNS, NODES, JOBS, CLUSTER = 5_000, 500, 10_000, 200


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="Only measure a pass.")
    arguments = parser.parse_args()
    snapshot = busy_cluster()
    plan = make_plan(snapshot)
    tell("planning", lambda: make_plan(snapshot), arguments.rounds)
    print(f"  {len(plan.placements)} placed, {len(plan.waits)} wait")
    with_database(arguments.rounds)
    if not arguments.short:
        live_through()


def tell(what: str, work: Callable[[], object], rounds: int) -> None:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    print(f"{what}: median {median(times):.0f} ms, {min(times):.0f} to {max(times):.0f}")


def busy_cluster() -> Snapshot:
    rng = random.Random(1)  # noqa: S311 - a workload, not a secret
    nodes = simulation.cluster(rng, NODES)
    projects = simulation.projects(rng, 20, nodes)
    runs = [job.run for job in simulation.jobs(rng, RUNS, len(projects), over_ticks=1000)]
    held = [
        held_on(node, rng, key) for key, node in enumerate(nodes, RUNS + 1) if rng.random() < 2 / 3
    ]
    return Snapshot(runs, nodes, held, projects)


def held_on(node: NodeView, rng: random.Random, run: int) -> Holding:
    devices = [device.key for device in node.devices][: rng.randint(1, len(node.devices))]
    return Holding(run, rng.randint(1, 20), node.key, devices, ends_in_s=rng.random() * 3600)


def with_database(rounds: int) -> None:
    """In the tests' database (SQLite, or what DATABASE_URL names), with as many rows."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "r1web.settings.test"
    import django  # noqa: PLC0415 - after the settings are named

    django.setup()
    from django.test.utils import setup_databases  # noqa: PLC0415 - likewise

    setup_databases(verbosity=0, interactive=False)
    from django.db import transaction  # noqa: PLC0415 - likewise

    from benchmarks.scheduling_rows import fill, whole_pass  # noqa: PLC0415 - likewise

    with transaction.atomic():  # never committed, so no message is sent
        fill(RUNS, NODES)
        tell("read, plan, write every reason", whole_pass, 1)
        tell("read, plan, nothing to write", whole_pass, rounds)
        transaction.set_rollback(True)


def live_through() -> None:
    rng = random.Random(2)  # noqa: S311 - a workload, not a secret
    nodes = simulation.cluster(rng, CLUSTER)
    projects = simulation.projects(rng, 12, nodes)
    jobs = simulation.jobs(rng, JOBS, len(projects), over_ticks=300)
    start = time.perf_counter()
    report = simulation.Simulation(nodes, projects, jobs).run()
    waited = sorted(report.waited.values())
    print(
        f"{len(report.started)} of {JOBS} jobs ran on {CLUSTER} nodes, {len(report.impossible)} "
        f"could not: {report.utilisation:.1%} of an ideal packing; waits: median "
        f"{median(waited):.0f} ticks, longest {waited[-1]}; {report.passes} passes in "
        f"{time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
