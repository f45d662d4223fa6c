"""Random jobs on random nodes; what must hold is asserted within the simulation, at every tick."""

import random

import pytest

from tests.r1web.cluster import simulation


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cluster_lives_through_a_queue(seed: int) -> None:
    rng = random.Random(seed)
    nodes = simulation.cluster(rng, 20)
    projects = simulation.projects(rng, 6, nodes)
    jobs = simulation.jobs(rng, 400, len(projects), over_ticks=300)
    report = simulation.Simulation(nodes, projects, jobs).run()
    assert set(report.started) | report.impossible == {job.run.key for job in jobs}
    assert not set(report.started) & report.impossible
    assert report.utilisation > 0.6  # jobs of four or sixteen of the twenty nodes are among them
