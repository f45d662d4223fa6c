"""Who gets which device, and what those who wait are told."""

import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from celery import Celery
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from r1web.accounts.models import Project, User
from r1web.cluster import queue, services, tasks
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.planning import Plan, Snapshot
from r1web.cluster.selectors import snapshot
from r1web.cluster.services.reconcile import GIVEN_UP_AFTER, LOST_AFTER
from r1web.runs.models import Attempt, Desired, Run, State
from r1web.runs.services import request_stop
from r1web.settings.base import CELERY_BROKER_TRANSPORT_OPTIONS

schedule_module = import_module("r1web.cluster.services.schedule")
"""The package exports a function of the same name."""
MakeRun = Callable[..., Run]
MakeNode = Callable[..., Node]


def hardware(**fields: Any) -> dict[str, Any]:
    return {"overrides": {"hardware": fields}}


def reason_of(run: Run) -> str:
    run.refresh_from_db()
    assert run.state == State.QUEUED
    return run.reason


def devices_of(attempt: Attempt) -> list[str]:
    return [str(lease.device) for lease in attempt.leases.order_by("device__index", "device__node")]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...], str]]:
    """What goes to the broker: task, arguments, queue."""
    found: list[tuple[str, tuple[int, ...], str]] = []

    class Recorder:
        def send_task(self, name: str, args: tuple[int, ...], *, queue: str, **_: Any) -> None:
            found.append((name, args, queue))

    monkeypatch.setattr(queue, "app", Recorder())
    return found


def test_a_run_takes_a_slot_and_its_node_is_told(
    make_run: MakeRun,
    make_node: MakeNode,
    sent: list[Any],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    run, node = make_run(), make_node()
    with django_capture_on_commit_callbacks(execute=True):
        (attempt,) = services.schedule()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.STARTING, "Starts on laptop.")
    assert (attempt.number, attempt.node, devices_of(attempt)) == (1, node, ["laptop cpu0"])
    assert (queue.LAUNCH, (attempt.pk,), "node.laptop") in sent


def test_priority_goes_before_age(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node(slots=2)
    old, young, urgent = make_run(), make_run(), make_run(priority=5)
    assert [attempt.run for attempt in services.schedule()] == [urgent, old]
    assert reason_of(young) == "First in line: waiting for a free device on laptop."


def test_a_free_device_goes_to_the_next_in_line(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node()
    first, second = make_run(), make_run()
    (attempt,) = services.schedule()
    assert services.schedule() == []
    services.end_attempt(attempt_id=attempt.pk, outcome=State.FINISHED, reason="Done.")
    (attempt,) = services.schedule()
    assert attempt.run == second
    assert Run.objects.get(pk=first.pk).state == State.FINISHED


def test_a_run_gets_all_its_gpus_or_none(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node("gpus", gpus=4)
    make_run(**hardware(processes=2))
    large = make_run(**hardware(processes=4))
    small = make_run(**hardware(processes=2))
    (first,) = services.schedule()
    assert devices_of(first) == ["gpus gpu0", "gpus gpu1"]
    # The small one would fit, but it would keep the large one waiting for ever.
    assert reason_of(large) == "First in line: waiting for a free device on gpus."
    assert reason_of(small) == "Waiting for its turn: gpus is kept for a run ahead of it."
    services.end_attempt(attempt_id=first.pk, outcome=State.FINISHED, reason="Done.")
    (second,) = services.schedule()
    assert (second.run, len(devices_of(second))) == (large, 4)


def test_gpus_are_preferred_and_cpu_is_obeyed(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node("gpus", gpus=2)
    make_node("cores", slots=1)
    anywhere = make_run()
    on_cpu = make_run(**hardware(device="cpu", processes=2))
    where = {attempt.run: devices_of(attempt) for attempt in services.schedule()}
    assert where == {anywhere: ["gpus gpu0"], on_cpu: ["cores cpu0"]}


@pytest.mark.parametrize(
    ("nodes", "asks", "reason"),
    [
        ([], {}, "No node is connected: start a worker."),
        ([{"cordoned": True}], {}, "Every connected node is cordoned."),
        ([{"gpus": 1}], {"processes": 4}, "Needs 4 GPUs, but the largest node has 1."),
        ([{}], {"device": "cuda"}, "Needs a GPU, but no node has one."),
        ([{"gpus": 1}], {"device": "cpu"}, "Needs a CPU slot, but no node has one."),
    ],
)  # fmt: skip
def test_a_waiting_run_says_why(
    make_run: MakeRun,
    make_node: MakeNode,
    nodes: list[dict[str, Any]],
    asks: dict[str, Any],
    reason: str,
) -> None:
    run = make_run(**hardware(**asks))
    for fields in nodes:
        make_node(**fields)
    services.schedule()
    assert reason_of(run) == reason


def test_a_run_that_fits_nowhere_says_what_it_asks_for(
    make_run: MakeRun, make_node: MakeNode
) -> None:
    make_node("gpus", gpus=4, labels=["nvlink"])
    gpu = {"model": "NVIDIA A100-SXM4-80GB", "memory_bytes": 80 * 10**9, "native_fp8": False}
    Device.objects.update(**gpu)
    fits = make_run(**hardware(gpu_model="a100", gpu_memory_gb=80, node_labels=["nvlink"]))
    newer = make_run(**hardware(dtype="fp8", require_native_fp8=True, processes=2))
    larger = make_run(**hardware(gpu_memory_gb=141))
    elsewhere = make_run(**hardware(node_labels=["rack-3"]))
    (attempt,) = services.schedule()
    assert attempt.run == fits
    assert reason_of(newer) == "Needs 2 GPUs with native FP8, but no node has one."
    assert reason_of(larger) == "Needs a GPU of at least 141 GB, but no node has one."
    assert reason_of(elsewhere) == (
        "Needs a CPU slot on a node labelled rack-3, but no node has one."
    )


def test_a_project_holds_no_more_than_its_quota(
    make_run: MakeRun, make_node: MakeNode, project: Project
) -> None:
    make_node(slots=3)
    runs = [make_run() for _ in range(3)]
    project.device_quota = 2
    project.save()
    assert [attempt.run for attempt in services.schedule()] == runs[:2]
    assert reason_of(runs[2]) == "Project “Sums” may hold 2 devices at once: waiting."
    assert services.schedule() == []


def test_a_node_stays_kept_for_whoever_is_first_in_line(
    make_run: MakeRun, make_node: MakeNode
) -> None:
    node = make_node("gpus", gpus=4)
    make_run(**hardware(processes=2))
    large = make_run(**hardware(processes=4))
    services.schedule()
    large.refresh_from_db()
    assert large.reserved_nodes == [node.pk]
    request_stop(run=large, actor="olga")
    large.refresh_from_db()
    assert large.reserved_nodes == []


def test_a_run_on_two_nodes_leases_devices_of_both_or_of_none(
    make_run: MakeRun, make_node: MakeNode
) -> None:
    make_node("east", gpus=2)
    make_node("west", gpus=2)
    make_run(**hardware(processes=1))
    (small,) = services.schedule()
    large = make_run(**hardware(processes=4, nodes=2))
    assert services.schedule() == []
    assert reason_of(large) == "First in line: waiting for free devices on west and east."
    services.end_attempt(attempt_id=small.pk, outcome=State.FINISHED, reason="Done.")
    (attempt,) = services.schedule()
    assert (attempt.run, str(attempt.node)) == (large, "west")
    assert attempt.run.reason == "Starts on west and east."
    assert devices_of(attempt) == ["east gpu0", "west gpu0", "east gpu1", "west gpu1"]
    held = snapshot(Node.objects.all()).holdings
    assert sorted((h.run, len(h.devices)) for h in held) == [(large.pk, 2), (large.pk, 2)]


def test_a_run_that_was_stopped_meanwhile_is_not_started(
    make_run: MakeRun, make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is read without locks; each run is locked, and looked at again, when it starts."""
    make_node()
    run = make_run()
    plan = schedule_module.make_plan

    def stop_while_planning(snapshot: Snapshot) -> Plan:
        request_stop(run=run, actor="olga")
        return plan(snapshot)

    monkeypatch.setattr(schedule_module, "make_plan", stop_while_planning)
    assert services.schedule() == []
    assert Run.objects.get(pk=run.pk).state == State.STOPPED
    assert not Lease.objects.exists()


def test_a_drained_node_gives_its_runs_to_another(
    make_run: MakeRun, make_node: MakeNode, owner: User
) -> None:
    run, attempt = supervised(make_run, make_node)
    other = make_node("desk")
    waited_since = run.queued_at
    assert services.drain(node_id=attempt.node_id, actor=owner, requeue=False) == []
    assert Run.objects.get(pk=run.pk).state == State.STARTING
    assert services.drain(node_id=attempt.node_id, actor=owner, requeue=True) == [run]
    assert services.drain(node_id=attempt.node_id, actor=owner, requeue=True) == []
    run.refresh_from_db()
    assert (run.state, run.desired) == (State.STOPPING, Desired.QUEUED)
    assert run.reason == "Saves and waits for another node: olga drains this one."
    services.end_attempt(attempt_id=attempt.pk, outcome=State.STOPPED, reason="Stopped.")
    run.refresh_from_db()
    assert (run.state, run.desired) == (State.QUEUED, Desired.RUNNING)
    assert run.reason == "Made room; goes on from the beginning: it had saved nothing."
    assert run.queued_at == waited_since
    (again,) = services.schedule()
    assert (again.run, again.node) == (run, other)


def test_a_run_that_is_to_make_room_can_still_be_stopped(
    make_run: MakeRun, make_node: MakeNode, owner: User
) -> None:
    run, attempt = supervised(make_run, make_node)
    services.drain(node_id=attempt.node_id, actor=owner, requeue=True)
    request_stop(run=run, actor="olga")
    services.end_attempt(attempt_id=attempt.pk, outcome=State.STOPPED, reason="Stopped.")
    assert Run.objects.get(pk=run.pk).state == State.STOPPED


def test_a_run_on_a_node_that_stays_silent_is_queued_again_when_asked(
    make_run: MakeRun, make_node: MakeNode, owner: User
) -> None:
    run, attempt = supervised(make_run, make_node)
    age(attempt, LOST_AFTER + timedelta(seconds=1))
    services.reconcile()
    assert Run.objects.get(pk=run.pk).state == State.LOST
    services.drain(node_id=attempt.node_id, actor=owner, requeue=True)
    age(attempt, GIVEN_UP_AFTER)
    services.reconcile()
    assert Run.objects.get(pk=run.pk).state == State.QUEUED
    assert not Lease.objects.filter(released_at=None).exists()


def test_a_silent_node_keeps_its_runs_and_takes_new_ones_when_it_is_back(
    make_run: MakeRun, make_node: MakeNode
) -> None:
    node = make_node(slots=2)
    run = make_run()
    (attempt,) = services.schedule()
    services.claim(attempt_id=attempt.pk)
    services.heard(attempt_ids=[attempt.pk])
    attempt.refresh_from_db()
    age(attempt, LOST_AFTER + timedelta(seconds=1))
    Node.objects.update(heartbeat_at=timezone.now() - LOST_AFTER)
    services.reconcile()
    second = make_run()
    assert services.schedule() == []
    assert Run.objects.get(pk=run.pk).state == State.LOST
    services.beat(node_ids=[node.pk])
    services.heard(attempt_ids=[attempt.pk])
    (placed,) = services.schedule()
    assert placed.run == second
    assert Run.objects.get(pk=run.pk).state == State.STARTING
    assert devices_of(attempt) + devices_of(placed) == ["laptop cpu0", "laptop cpu1"]


def test_a_silent_node_gets_nothing(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node(heartbeat_at=timezone.now() - timedelta(seconds=21))
    run = make_run()
    services.schedule()
    assert reason_of(run) == "No node is connected: start a worker."


def test_a_queue_that_does_not_move_is_not_written(
    make_run: MakeRun,
    make_node: MakeNode,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_node()
    for _ in range(5):
        make_run()
    services.schedule()
    # any queued, savepoint, nodes, holders, their leases, queue, devices, ended leases, projects,
    # release
    with django_assert_num_queries(10) as queries:
        services.schedule()
    assert not [query for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_an_empty_queue_takes_no_lock(
    make_node: MakeNode, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_node()
    with django_assert_num_queries(1):
        assert services.schedule() == []


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_place_each_run_once(make_run: MakeRun, make_node: MakeNode) -> None:
    make_node(slots=3)
    runs = [make_run() for _ in range(6)]
    ready = threading.Barrier(4)
    failures: list[BaseException] = []

    def work() -> None:
        ready.wait()
        try:
            services.schedule()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Attempt.objects.count() == Lease.objects.filter(released_at=None).count() == 3
    assert set(Attempt.objects.values_list("run", flat=True)) == {run.pk for run in runs[:3]}


def test_a_launch_that_comes_twice_starts_one_supervisor(
    make_run: MakeRun, make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    monkeypatch.setattr(services, "start_supervisor", lambda *, attempt: started.append(attempt.pk))
    make_run()
    make_node()
    (attempt,) = services.schedule()
    tasks.launch(attempt.pk)
    tasks.launch(attempt.pk)
    assert started == [attempt.pk]


def age(attempt: Attempt, by: timedelta) -> None:
    """Let time pass for an attempt: everything it has noted happened that much earlier."""
    for name in ("claimed_at", "heartbeat_at"):
        if getattr(attempt, name) is not None:
            setattr(attempt, name, getattr(attempt, name) - by)
    attempt.save()
    for transition in attempt.run.transitions.all():
        transition.at -= by
        transition.save()


def test_a_launch_that_got_lost_is_sent_again(
    make_run: MakeRun,
    make_node: MakeNode,
    sent: list[Any],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_run()
    make_node()
    (attempt,) = services.schedule()
    with django_capture_on_commit_callbacks(execute=True):
        services.reconcile()
    assert sent == []
    age(attempt, timedelta(seconds=11))
    with django_capture_on_commit_callbacks(execute=True):
        services.reconcile()
    assert sent == [(queue.LAUNCH, (attempt.pk,), "node.laptop")]


def test_a_run_whose_node_vanished_before_launching_waits_again(
    make_run: MakeRun, make_node: MakeNode
) -> None:
    run, node = make_run(), make_node()
    (attempt,) = services.schedule()
    age(attempt, timedelta(seconds=30))
    Node.objects.filter(pk=node.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=30))
    services.reconcile()
    assert reason_of(run) == "laptop did not start it."
    assert not Lease.objects.filter(released_at=None).exists()


def supervised(make_run: MakeRun, make_node: MakeNode) -> tuple[Run, Attempt]:
    run = make_run()
    make_node()
    (attempt,) = services.schedule()
    services.claim(attempt_id=attempt.pk)
    services.heard(attempt_ids=[attempt.pk])
    return run, Attempt.objects.get(pk=attempt.pk)


def test_a_silent_run_is_lost_and_comes_back(make_run: MakeRun, make_node: MakeNode) -> None:
    run, attempt = supervised(make_run, make_node)
    age(attempt, LOST_AFTER - timedelta(seconds=1))
    services.reconcile()
    assert Run.objects.get(pk=run.pk).state == State.STARTING
    age(attempt, timedelta(seconds=2))
    services.reconcile()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.LOST, "Nothing was heard from laptop for 31 s.")
    services.reconcile()
    assert run.transitions.filter(to_state=State.LOST).count() == 1
    services.heard(attempt_ids=[attempt.pk])
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.STARTING, "The supervisor was heard again.")


def test_a_lost_run_that_is_to_stop_is_given_up(make_run: MakeRun, make_node: MakeNode) -> None:
    run, attempt = supervised(make_run, make_node)
    age(attempt, LOST_AFTER + timedelta(seconds=1))
    services.reconcile()
    request_stop(run=run, actor="olga")
    services.reconcile()
    assert Run.objects.get(pk=run.pk).state != State.STOPPED
    age(attempt, GIVEN_UP_AFTER)
    services.reconcile()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.STOPPED, "Stopped; laptop was not heard again.")
    assert not Lease.objects.filter(released_at=None).exists()


def test_a_node_registers_once_and_keeps_what_people_set(db: None, settings: Settings) -> None:
    settings.R1WEB_CPU_SLOTS = 2
    (node,) = services.register_nodes()
    services.cordon(node_id=node.pk, cordoned=True)
    (again,) = services.register_nodes()
    assert (again.pk, again.cordoned) == (node.pk, True)
    assert [str(device) for device in node.devices.all()] == ["laptop cpu0", "laptop cpu1"]
    assert "torch" in again.versions


def test_a_slot_that_goes_stays_while_it_is_held_and_in_the_books(
    make_run: MakeRun, db: None, settings: Settings
) -> None:
    settings.R1WEB_CPU_SLOTS = 2
    (node,) = services.register_nodes()
    attempts = [services.schedule() for _ in range(2) if make_run()]
    settings.R1WEB_CPU_SLOTS = 1
    services.register_nodes()
    assert node.devices.count() == 2
    for (attempt,) in attempts:
        services.end_attempt(attempt_id=attempt.pk, outcome=State.FINISHED, reason="Done.")
    services.register_nodes()
    assert Device.objects.get() == node.devices.get()
    assert Lease.objects.count() == 2


def test_a_broker_that_is_away_fails_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    away = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    away.conf.broker_transport_options = CELERY_BROKER_TRANSPORT_OPTIONS
    monkeypatch.setattr(queue, "app", away)
    queue.send(queue.SCHEDULE, queue=queue.CONTROL_QUEUE)
    assert "The broker is away, cluster.schedule waits" in caplog.text
