"""The rules by which a plan is made, one by one; test_simulation.py has them all at once."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1web.cluster.planning import (
    DeviceView,
    Holding,
    Need,
    NodeView,
    Plan,
    ProjectView,
    QueuedRun,
    Snapshot,
    Traits,
    in_order,
    make_plan,
)
from tests.r1web.cluster import simulation
from tests.r1web.cluster.simulation import A100, H200

PROJECT = ProjectView(1, "Sums")
OTHER = ProjectView(2, "Proofs")


def gpus(key: int, count: int = 8, traits: Traits = H200, **fields: object) -> NodeView:
    devices = [DeviceView(key * 100 + index, traits) for index in range(count)]
    return replace(NodeView(key, f"node-{key}", devices), **fields)  # type: ignore[arg-type]


def holds(run: int, node: NodeView, count: int, **fields: object) -> Holding:
    """The run holds the node's last devices; a second one has to say which."""
    devices = [device.key for device in node.devices[-count:]]
    return replace(Holding(run, 1, node.key, devices), **fields)  # type: ignore[arg-type]


def asks(key: int, processes: int = 1, **fields: object) -> QueuedRun:
    run = QueuedRun(key, 1, Need(processes, "cuda"), queued_at=float(key))
    return replace(run, **fields)  # type: ignore[arg-type]


def plan(
    runs: list[QueuedRun],
    nodes: list[NodeView],
    holdings: list[Holding] | None = None,
    projects: list[ProjectView] | None = None,
) -> Plan:
    return make_plan(Snapshot(runs, nodes, holdings or [], projects or [PROJECT, OTHER]))


def started(made: Plan) -> list[int]:
    return [placement.run for placement in made.placements]


def reasons(made: Plan) -> dict[int, str]:
    return {wait.run: wait.reason for wait in made.waits}


def test_projects_take_turns_and_priority_goes_before_that() -> None:
    mine = [asks(key) for key in (1, 2, 3)]
    theirs = [asks(key, project=2) for key in (4, 5)]
    urgent = asks(6, priority=1)
    made = plan([*mine, *theirs, urgent], [gpus(1)])
    # The urgent one counts for its project too: the other has two turns before the next of it.
    assert started(made) == [6, 4, 1, 5, 2, 3]


def test_of_equal_projects_the_one_with_less_behind_it_goes_first() -> None:
    heavy, light = replace(PROJECT, recent_device_s=7200.0), replace(OTHER, recent_device_s=60.0)
    made = plan([asks(1), asks(2, project=2)], [gpus(1, 1)], projects=[heavy, light])
    assert started(made) == [2]


def test_what_a_project_holds_now_counts_before_what_it_held() -> None:
    busy, heavy = PROJECT, replace(OTHER, recent_device_s=10**6)
    node = gpus(1, 2)
    made = plan([asks(1), asks(2, project=2)], [node], [holds(9, node, 1)], [busy, heavy])
    assert started(made) == [2]


def test_small_runs_fill_what_the_first_in_line_does_not_wait_for() -> None:
    nodes = [gpus(1), gpus(2)]
    held = [holds(8, nodes[0], 4, ends_in_s=60.0), holds(9, nodes[1], 4, ends_in_s=600.0)]
    large, small = asks(1, 8), [asks(key) for key in range(2, 9)]
    made = plan([large, *small], nodes, held)
    assert {part.node for placement in made.placements for part in placement.parts} == {2}
    assert started(made) == [2, 3, 4, 5]
    assert made.waits[0].reserved_node == 1
    assert reasons(made)[1] == "First in line: waiting for a free device on node-1."
    assert reasons(made)[6] == "Waiting for its turn: node-1 is kept for a run ahead of it."


def test_who_is_first_in_line_stays_there_and_keeps_its_node() -> None:
    nodes = [gpus(1), gpus(2)]
    held = [holds(8, nodes[0], 4, ends_in_s=60.0), holds(9, nodes[1], 4, ends_in_s=1.0)]
    first = asks(5, 8, reserved_node=1)
    made = plan([asks(1, 8, project=2), first], nodes, held)
    assert [(wait.run, wait.reserved_node) for wait in made.waits] == [(5, 1), (1, None)]


def test_a_run_takes_what_is_free_elsewhere_before_what_is_kept_for_it() -> None:
    nodes = [gpus(1), gpus(2)]
    made = plan([asks(1, 8, reserved_node=1)], nodes, [holds(9, nodes[0], 1)])
    assert [(placed.run, placed.parts[0].node) for placed in made.placements] == [(1, 2)]


def test_every_pool_of_nodes_has_its_own_first_in_line() -> None:
    nodes = [gpus(1, 4), gpus(2, 4, A100)]
    held = [holds(8, nodes[0], 2), holds(9, nodes[1], 2)]
    h200, a100 = Need(4, gpu_model="h200"), Need(4, gpu_model="A100")
    made = plan([asks(1, need=h200), asks(2, need=a100)], nodes, held)
    assert [wait.reserved_node for wait in made.waits] == [1, 2]


def test_the_node_that_is_left_fullest_is_taken() -> None:
    nodes = [gpus(1), gpus(2)]
    made = plan([asks(1, 2)], nodes, [holds(9, nodes[1], 5)])
    assert made.placements[0].parts[0].node == 2


@pytest.mark.parametrize(
    ("need", "wants"),
    [
        (Need(gpu_model="B200"), "a GPU named B200, but no node has one."),
        (Need(2, gpu_memory_gb=180), "2 GPUs of at least 180 GB, but no node has one."),
        (Need(9), "9 GPUs, but the largest node has 8."),
        (
            Need(8, native_fp8=True, node_labels=frozenset({"nvlink"})),
            "8 GPUs with native FP8 on a node labelled nvlink, but the largest such node has 4.",
        ),
        (Need(device="cpu"), "a CPU slot, but no node has one."),
    ],
)
def test_what_fits_on_no_node_is_said_at_once(need: Need, wants: str) -> None:
    nodes = [gpus(1, 8, A100), gpus(2, 4, H200, labels=frozenset({"nvlink", "rack-3"}))]
    need = replace(need, device="cuda" if need.device == "auto" else need.device)
    made = plan([asks(1, need=need), asks(2)], nodes, [holds(9, nodes[0], 8)])
    assert reasons(made) == {1: f"Needs {wants}"}
    assert not made.waits[0].possible
    assert started(made) == [2]


def test_a_node_that_is_away_is_waited_for() -> None:
    nodes = [gpus(1, 4), gpus(2, 8, state="unreachable")]
    made = plan([asks(1, 8)], nodes)
    assert reasons(made) == {1: "Waiting for node-2: unreachable at present."}
    assert made.waits[0].possible


def test_a_project_stays_within_its_quota_and_in_its_order() -> None:
    limited = replace(PROJECT, quota=4)
    runs = [asks(1, 2), asks(2, 4), asks(3, 1), asks(4, 8), asks(5, 1, project=2)]
    made = plan(runs, [gpus(1)], projects=[limited, OTHER])
    assert sorted(started(made)) == [1, 5]
    waits = "Project “Sums” may hold 4 devices at once: waiting."
    assert reasons(made) == {
        2: waits,
        3: waits,  # it would fit, but would keep the one ahead of it waiting
        4: "Needs 8 devices, but project “Sums” may hold 4 at once: raise its quota or ask for "
        "fewer.",
    }


def test_a_higher_priority_sends_back_those_that_allow_it() -> None:
    nodes = [gpus(1, 4), gpus(2, 4)]
    first, second = nodes[0].devices[:2], nodes[0].devices[2:]
    held = [
        Holding(7, 1, 1, [device.key for device in first], preemptible=True, since=5.0),
        Holding(8, 1, 1, [device.key for device in second], preemptible=True, since=9.0),
        holds(9, nodes[1], 4),
    ]
    made = plan([asks(1, 2, priority=1), asks(2)], nodes, held)
    assert made.preempted == [8]  # has less to lose
    assert reasons(made) == {
        1: "First in line: runs of lower priority make room for it on node-1.",
        2: "Waiting for a free device on node-1 or node-2.",
    }
    leaving = [held[0], replace(held[1], leaving=True), held[2]]
    again = plan([asks(1, 2, priority=1, reserved_node=1)], nodes, leaving)
    assert again.preempted == []
    assert again.waits[0].reserved_node == 1


@pytest.mark.parametrize(
    "held",
    [{"preemptible": False}, {"preemptible": True, "priority": 1}],
    ids=["unwilling", "equal"],
)
def test_nobody_else_is_sent_back(held: dict[str, object]) -> None:
    node = gpus(1, 2)
    made = plan([asks(1, 2, priority=1)], [node], [holds(9, node, 2, **held)])
    assert made.preempted == []


@given(st.integers(0, 2**32))
def test_nothing_behind_it_changes_what_the_first_in_line_gets(seed: int) -> None:
    """Backfill never delays: the plan of the first is the plan that it would have alone."""
    rng = random.Random(seed)
    nodes = simulation.cluster(rng, 6)
    projects = simulation.projects(rng, 3, nodes)
    runs = [job.run for job in simulation.jobs(rng, 30, 3, over_ticks=50)]
    held = _some_held(rng, nodes)
    whole = make_plan(Snapshot(runs, nodes, held, projects))
    possible = [run for run in runs if run.key not in _impossible(whole)]
    counts = Counter({project.key: 0 for project in projects})
    for holding in held:
        counts[holding.project] += len(holding.devices)
    for first in in_order(possible, counts, {project.key: project for project in projects})[:1]:
        alone = make_plan(Snapshot([first], nodes, held, projects))
        assert _fate(whole, first.key) == _fate(alone, first.key)


def _some_held(rng: random.Random, nodes: list[NodeView]) -> list[Holding]:
    return [
        holds(1000 + node.key, node, rng.randint(1, len(node.devices)), project=rng.randint(1, 3))
        for node in nodes
        if rng.random() < 0.6
    ]


def _impossible(made: Plan) -> set[int]:
    return {wait.run for wait in made.waits if not wait.possible}


def _fate(made: Plan, run: int) -> object:
    placed = [placement for placement in made.placements if placement.run == run]
    return placed or [wait for wait in made.waits if wait.run == run]
