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
    Part,
    Placement,
    Plan,
    ProjectView,
    QueuedRun,
    Snapshot,
    Traits,
    in_order,
    make_plan,
)
from tests.r1web.cluster import simulation
from tests.r1web.cluster.simulation import A100, H200, SLOT

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
    assert made.waits[0].reserved_nodes == (1,)
    assert reasons(made)[1] == "First in line: waiting for a free device on node-1."
    assert reasons(made)[6] == "Waiting for its turn: node-1 is kept for a run ahead of it."


def test_who_is_first_in_line_stays_there_and_keeps_its_node() -> None:
    nodes = [gpus(1), gpus(2)]
    held = [holds(8, nodes[0], 4, ends_in_s=60.0), holds(9, nodes[1], 4, ends_in_s=1.0)]
    first = asks(5, 8, reserved_nodes=(1,))
    made = plan([asks(1, 8, project=2), first], nodes, held)
    assert [(wait.run, wait.reserved_nodes) for wait in made.waits] == [(5, (1,)), (1, ())]


def test_a_run_takes_what_is_free_elsewhere_before_what_is_kept_for_it() -> None:
    nodes = [gpus(1), gpus(2)]
    made = plan([asks(1, 8, reserved_nodes=(1,))], nodes, [holds(9, nodes[0], 1)])
    assert [(placed.run, placed.parts[0].node) for placed in made.placements] == [(1, 2)]


def several(nodes: int, each: int, **fields: object) -> Need:
    return replace(Need(nodes * each, "cuda", nodes), **fields)  # type: ignore[arg-type]


def test_a_run_of_several_nodes_gets_as_much_of_each_or_nothing() -> None:
    nodes = [gpus(1), gpus(2), gpus(3, 4)]
    made = plan([asks(1, need=several(2, 6))], nodes, [holds(9, nodes[1], 2)])
    assert made.placements == [
        Placement(1, (Part(2, (200, 201, 202, 203, 204, 205)), Part(1, tuple(range(100, 106)))))
    ]  # the fullest leads
    assert started(plan([asks(1, need=several(2, 6))], nodes, [holds(9, nodes[1], 3)])) == []


def test_parts_never_mix_gpus_and_cpu_slots() -> None:
    nodes = [gpus(1), gpus(2, 4, SLOT), gpus(3, 4, SLOT)]
    made = plan([asks(1, need=Need(2, "auto", 2))], nodes)
    assert [[part.node for part in placed.parts] for placed in made.placements] == [[2, 3]]


def test_parts_never_mix_sites() -> None:
    own, busy = gpus(1, 16), [gpus(key, site="slurm") for key in (2, 3)]
    run = asks(1, need=several(2, 8))
    made = plan([run], [own, *busy])
    assert [part.node for part in made.placements[0].parts] == [2, 3]
    held = [holds(9, busy[0], 8, ends_in_s=60.0)]
    (wait,) = plan([run], [own, gpus(4), gpus(5, site="pods"), *busy], held).waits or [None]
    assert wait is None  # the two of our own
    (wait,) = plan([run], [own, gpus(5, site="pods"), *busy], held).waits
    assert wait is not None
    assert set(wait.reserved_nodes) == {2, 3}
    (never,) = plan([run], [own, gpus(5, site="pods"), busy[0]]).waits
    assert never is not None
    assert not never.possible


def test_the_first_in_line_keeps_all_the_nodes_that_it_needs() -> None:
    nodes = [gpus(1), gpus(2), gpus(3)]
    held = [holds(7, nodes[1], 1, ends_in_s=60.0), holds(8, nodes[2], 1, ends_in_s=5.0)]
    large = asks(1, need=several(2, 8))
    made = plan([large, asks(2, 7), asks(3, 7)], nodes, held)
    assert made.waits[0].reserved_nodes == (1, 3)
    assert reasons(made) == {
        1: "First in line: waiting for free devices on node-1 and node-3.",
        3: "Waiting for its turn: node-1 and node-3 are kept for a run ahead of it.",
    }
    assert [(placed.run, placed.parts[0].node) for placed in made.placements] == [(2, 2)]
    # It stays with these, though another is free sooner now.
    sooner = [replace(held[0], ends_in_s=1.0), held[1]]
    again = plan([replace(large, reserved_nodes=(1, 3))], nodes, sooner)
    assert again.waits[0].reserved_nodes == (1, 3)


def test_a_kept_node_that_vanishes_is_replaced() -> None:
    nodes = [gpus(1), gpus(2, state="unreachable"), gpus(3), gpus(4)]
    held = [holds(node.key, node, 1, ends_in_s=60.0 * node.key) for node in nodes]
    made = plan([asks(5, need=several(2, 8), reserved_nodes=(4, 2))], nodes, held)
    assert made.waits[0].reserved_nodes == (4, 1)


def test_nothing_is_kept_for_a_run_that_too_few_nodes_can_take_at_present() -> None:
    nodes = [gpus(1), gpus(2, state="unreachable"), gpus(3, state="cordoned")]
    waits = asks(1, need=several(2, 8), reserved_nodes=(1, 2))
    made = plan([waits, asks(2, 8)], nodes)
    assert started(made) == [2]
    assert reasons(made) == {1: "Waiting for node-2 or node-3: cordoned or unreachable at present."}


def test_a_run_behind_one_of_several_nodes_is_told_how_many_it_needs() -> None:
    nodes = [gpus(key) for key in range(1, 6)]
    held = [holds(10 + node.key, node, 8) for node in nodes]
    first, second = asks(1, need=several(4, 8)), asks(2, need=several(2, 8))
    made = plan([first, second], nodes, held)
    assert reasons(made) == {
        1: "First in line: waiting for free devices on 4 nodes.",
        2: "Waiting for free devices on 2 of 5 nodes.",
    }


def test_every_pool_of_nodes_has_its_own_first_in_line() -> None:
    nodes = [gpus(1, 4), gpus(2, 4, A100)]
    held = [holds(8, nodes[0], 2), holds(9, nodes[1], 2)]
    h200, a100 = Need(4, gpu_model="h200"), Need(4, gpu_model="A100")
    made = plan([asks(1, need=h200), asks(2, need=a100)], nodes, held)
    assert [wait.reserved_nodes for wait in made.waits] == [(1,), (2,)]


def test_the_node_that_is_left_fullest_is_taken() -> None:
    nodes = [gpus(1), gpus(2)]
    made = plan([asks(1, 2)], nodes, [holds(9, nodes[1], 5)])
    assert made.placements[0].parts[0].node == 2


@pytest.mark.parametrize(
    ("need", "wants"),
    [
        (Need(gpu_model="B200"), "a GPU named B200, but no node has one."),
        (Need(2, gpu_memory_gb=180), "2 GPUs of at least 180 GB, but no node has one."),
        (Need(13), "13 GPUs, but the largest node has 8."),
        (Need(16, nodes=2), "16 GPUs on 2 nodes of 8, but only 1 node has 8."),
        (Need(18, nodes=2), "18 GPUs on 2 nodes of 9, but no node has 9."),
        (
            Need(6, gpu_model="H200", nodes=2),
            "6 GPUs named H200 on 2 nodes of 3, but only 1 such node has 3.",
        ),
        (
            Need(5, nodes=5, node_labels=frozenset({"rack-3"})),
            "5 GPUs on 5 nodes of 1 labelled rack-3, but only 1 such node has one.",
        ),
        (
            Need(8, native_fp8=True, node_labels=frozenset({"nvlink"})),
            "8 GPUs with native FP8 on a node labelled nvlink, but the largest such node has 4.",
        ),
        (Need(device="cpu"), "a CPU slot, but no node has one."),
        (Need(2, "cpu", 2), "a CPU slot on each of 2 nodes, but no node has one."),
    ],
)
def test_what_fits_on_no_node_is_said_at_once(need: Need, wants: str) -> None:
    nodes = [gpus(1, 8, A100), gpus(2, 4, H200, labels=frozenset({"nvlink", "rack-3"}))]
    need = replace(need, device="cuda" if need.device == "auto" else need.device)
    made = plan([asks(1, need=need), asks(2)], nodes, [holds(9, nodes[0], 8)])
    assert reasons(made) == {1: f"Needs {wants}"}
    assert not made.waits[0].possible
    assert started(made) == [2]


@pytest.mark.parametrize(
    ("need", "wants"),
    [
        (Need(16), "16 GPUs, but the largest node has 8: set hardware.nodes to 2."),
        (Need(32), "32 GPUs, but the largest node has 8."),
        (Need(12, nodes=1), "12 GPUs, but the largest node has 8: set hardware.nodes to 2."),
        (
            Need(24, nodes=3),
            "24 GPUs on 3 nodes of 8, but only 2 nodes have 8: set hardware.nodes to 4.",
        ),
    ],
)
def test_a_run_that_would_fit_on_several_nodes_is_told_on_how_many(need: Need, wants: str) -> None:
    nodes = [gpus(1), gpus(2), gpus(3, 6), gpus(4, 6)]
    made = plan([asks(1, need=replace(need, device="cuda"))], nodes)
    assert reasons(made) == {1: f"Needs {wants}"}


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
    again = plan([asks(1, 2, priority=1, reserved_nodes=(1,))], nodes, leaving)
    assert again.preempted == []
    assert again.waits[0].reserved_nodes == (1,)


def test_room_is_made_on_all_the_nodes_by_whoever_has_least_to_give_up() -> None:
    nodes = [gpus(key) for key in range(1, 5)]
    willing = {"preemptible": True}
    held = [
        holds(7, nodes[0], 4, **willing),
        holds(7, nodes[1], 8, **willing),  # on two nodes: sent back, it gives up twelve
        holds(8, nodes[2], 8, **willing),
        holds(9, nodes[3], 8),
    ]
    urgent = asks(1, need=several(2, 8), priority=1)
    made = plan([urgent], nodes, held)
    assert made.waits[0].reserved_nodes == (3, 1)
    assert made.preempted == [8, 7]
    assert plan([replace(urgent, need=several(3, 8))], nodes, held).preempted == [8, 7]
    assert plan([replace(urgent, need=several(4, 8))], nodes, held).preempted == []


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


@given(st.integers(0, 2**32))
def test_whatever_the_state_a_run_gets_or_keeps_all_its_nodes_or_none(seed: int) -> None:
    """Nodes that have gone, nodes still kept for somebody, priorities that make room."""
    rng = random.Random(seed)
    nodes = [
        replace(node, state=rng.choices(["ready", "cordoned", "unreachable"], [6, 1, 1])[0])
        for node in simulation.cluster(rng, 8)
    ]
    projects = simulation.projects(rng, 3, nodes)
    runs = [_kept_before(rng, job.run, nodes) for job in simulation.jobs(rng, 20, 3, over_ticks=9)]
    held = [
        replace(
            holding,
            run=1000 + holding.run % 3,  # some on several nodes
            priority=rng.randint(-6, 3),
            preemptible=rng.random() < 0.7,
            leaving=rng.random() < 0.2,
        )
        for holding in _some_held(rng, nodes)
    ]
    made = make_plan(Snapshot(runs, nodes, held, projects))
    needs = {run.key: run.need for run in runs}
    assert sorted([*started(made), *(wait.run for wait in made.waits)]) == sorted(needs)
    ready = {node.key for node in nodes if node.state == "ready"}
    used = [d for placed in made.placements for d in placed.devices]
    used += [d for holding in held for d in holding.devices]
    assert len(set(used)) == len(used)
    kept = [node for wait in made.waits for node in wait.reserved_nodes]
    assert len(set(kept)) == len(kept)
    chosen = {placed.run: [part.node for part in placed.parts] for placed in made.placements}
    chosen |= {wait.run: list(wait.reserved_nodes) for wait in made.waits if wait.reserved_nodes}
    for key, where in chosen.items():
        assert set(where) <= ready
        assert len(set(where)) == len(where) == needs[key].nodes
    assert len(set(made.preempted)) == len(made.preempted)


def _kept_before(rng: random.Random, run: QueuedRun, nodes: list[NodeView]) -> QueuedRun:
    if rng.random() < 0.7:
        return run
    count = min(len(nodes), run.need.nodes)
    return replace(run, reserved_nodes=tuple(rng.sample(range(1, len(nodes) + 3), count)))


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
