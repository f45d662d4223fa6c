"""An attempt on two nodes: each has a real supervisor and a trainer process of its own.

What real nodes with a network between them make of it is in test_two_nodes.py.
"""

import os
import signal
import socket
from collections.abc import Callable
from datetime import timedelta

import psutil
import pytest
from django.db import transaction
from django.utils import timezone

from r1web.cluster import queue, services
from r1web.cluster.models import Follower, Lease, Node, PortLease
from r1web.cluster.planning import Part, Placement
from r1web.cluster.services.opening import open_attempt
from r1web.cluster.supervisor import link
from r1web.metrics.models import Series
from r1web.runs.models import Attempt, Event, Run, State
from r1web.runs.services import request_stop
from tests.r1web.cluster.test_supervisor import (
    NEVER_AGAIN,
    MakeRun,
    Supervise,
    has_started,
    state_of,
)
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

MakeNode = Callable[..., Node]
OnTwo = Callable[[], Attempt]


@pytest.fixture
def unclaimed(make_run: MakeRun, make_node: MakeNode) -> Attempt:
    """An attempt on the nodes a and b, as the scheduler opens it."""
    run = make_run(**NEVER_AGAIN)
    run.config["hardware"] |= {"nodes": 2, "processes": 2}
    run.save()
    nodes = [make_node(name, address="127.0.0.1") for name in ("a", "b")]
    parts = tuple(Part(node.pk, (node.devices.get().pk,)) for node in nodes)
    with transaction.atomic():
        attempt = open_attempt(
            placement=Placement(run.pk, parts), nodes={node.pk: node for node in nodes}
        )
    assert attempt is not None
    return attempt


@pytest.fixture
def attempt(unclaimed: Attempt) -> Attempt:
    """Both nodes have got their message."""
    assert services.claim(attempt_id=unclaimed.pk)
    assert services.claim_follower(follower_id=follower_of(unclaimed).pk)
    return Attempt.objects.select_related("run").get(pk=unclaimed.pk)


def follower_of(attempt: Attempt) -> Follower:
    return Follower.objects.get(attempt=attempt)


def held(attempt: Attempt) -> set[str]:
    """Nodes of which the attempt still holds a device."""
    leases = Lease.objects.filter(attempt=attempt, released_at=None)
    return set(leases.values_list("device__node__name", flat=True))


def measured(run: Run) -> set[str]:
    return set(Series.objects.filter(run=run).values_list("name", flat=True))


def words_of(process: psutil.Process) -> dict[str, str]:
    """The flags of a process's command line."""
    words = process.cmdline()
    return {word: words[at + 1] for at, word in enumerate(words) if word.startswith("--")}


def test_both_parts_train_and_give_their_devices_back(
    attempt: Attempt, supervise: Supervise
) -> None:
    further = supervise(attempt, node_rank=1)
    until(lambda: follower_of(attempt).supervisor_pid)
    leading = supervise(attempt, "pause")
    until(lambda: follower_of(attempt).launcher_pid)
    part = follower_of(attempt)
    attempt.refresh_from_db()
    assert attempt.launcher_started is not None
    assert part.launcher_started is not None
    assert attempt.launcher_started <= part.launcher_started
    port = str(PortLease.objects.get(attempt=attempt, released_at=None).port)
    for pid, rank in ((attempt.launcher_pid, "0"), (part.launcher_pid, "1")):
        flags = words_of(psutil.Process(pid))
        assert (flags["--nodes"], flags["--node-rank"]) == ("2", rank)
        assert (flags["--master-addr"], flags["--master-port"]) == ("127.0.0.1", port)
        assert flags["--node-names"] == "a,b"
    until(lambda: {"system/cpu_percent", "system/node1_cpu_percent"} <= measured(attempt.run))
    (leading.folder / "go-on").touch()
    leading.wait()
    further.wait()
    assert state_of(attempt.run) == State.FINISHED
    part.refresh_from_db()
    assert (part.exit_code, part.reason) == (0, "")
    assert held(attempt) == set()
    assert not PortLease.objects.filter(released_at=None).exists()


def test_a_part_that_fails_fails_the_attempt_with_its_reason(
    attempt: Attempt, supervise: Supervise
) -> None:
    leading = supervise(attempt, "stubborn")
    until(lambda: has_started(attempt.run))
    supervise(attempt, "exit3", node_rank=1).wait()
    assert held(attempt) == {"a"}
    leading.wait()
    run = Run.objects.get(pk=attempt.run_id)
    assert run.state == State.FAILED
    assert run.reason == "On b (node rank 1): The trainer ended without a word (exit code 3)."
    told = Event.objects.filter(run=run, type="log", payload__level="error").latest("seq")
    assert told.payload["message"] == "something went wrong"
    assert held(attempt) == set()


def test_who_lost_the_other_is_not_the_one_to_blame(attempt: Attempt, supervise: Supervise) -> None:
    further = supervise(attempt, "exit3", node_rank=1)
    supervise(attempt, "lost-peer").wait()
    further.wait()
    assert Run.objects.get(pk=attempt.run_id).reason.startswith("On b (node rank 1): ")


def test_when_all_lost_each_other_the_leading_node_tells(
    attempt: Attempt, supervise: Supervise
) -> None:
    further = supervise(attempt, "lost-peer", node_rank=1)
    supervise(attempt, "lost-peer").wait()
    further.wait()
    run = Run.objects.get(pk=attempt.run_id)
    assert run.reason == "RuntimeError: Connection closed by peer (exit code 1)."


def test_nothing_is_left_of_an_attempt_that_is_over(attempt: Attempt, supervise: Supervise) -> None:
    further = supervise(attempt, "stubborn", node_rank=1)
    leading = supervise(attempt, "wait")
    until(lambda: follower_of(attempt).launcher_pid)
    launcher = psutil.Process(follower_of(attempt).launcher_pid)
    request_stop(run=attempt.run, actor="olga")
    leading.wait()
    further.wait()
    assert not launcher.is_running()
    assert state_of(attempt.run) == State.STOPPED
    assert follower_of(attempt).reason == ""
    assert held(attempt) == set()


def test_a_further_supervisor_that_dies_is_followed_by_another(
    attempt: Attempt, supervise: Supervise
) -> None:
    further = supervise(attempt, node_rank=1)
    leading = supervise(attempt, "pause")
    until(lambda: follower_of(attempt).launcher_pid)
    before = follower_of(attempt)
    further.process.kill()
    further.process.wait()
    assert before.node is not None
    assert services.adopt(node=before.node) == [attempt.pk]
    until(lambda: follower_of(attempt).supervisor_pid)
    assert psutil.Process(before.launcher_pid).is_running()
    (leading.folder / "go-on").touch()
    leading.wait()
    part = until(lambda: Follower.objects.filter(attempt=attempt).exclude(ended_at=None).first())
    assert part.launcher_pid == before.launcher_pid
    assert state_of(attempt.run) == State.FINISHED


def test_a_machine_that_goes_away_takes_its_part_with_it(
    attempt: Attempt, supervise: Supervise
) -> None:
    further = supervise(attempt, node_rank=1)
    leading = supervise(attempt, "wait")
    until(lambda: follower_of(attempt).launcher_pid)
    os.kill(further.process.pid, signal.SIGTERM)
    further.wait()
    assert "killed by SIGTERM" in follower_of(attempt).reason
    leading.wait()
    assert state_of(attempt.run) == State.FAILED


def hear(part: Attempt | Follower, seconds_ago: float) -> None:
    part.heartbeat_at = timezone.now() - timedelta(seconds=seconds_ago)
    part.save()


def test_a_silent_part_makes_the_run_lost_until_it_is_heard(attempt: Attempt) -> None:
    part = follower_of(attempt)
    hear(part, 31)
    services.heard(attempt_ids=[attempt.pk])
    services.reconcile()
    run = Run.objects.get(pk=attempt.run_id)
    assert (run.state, run.reason) == (State.LOST, "Nothing was heard from b for 31 s.")
    services.heard(attempt_ids=[attempt.pk])
    assert state_of(run) == State.LOST
    services.follower_heard(follower_id=part.pk)
    services.heard(attempt_ids=[attempt.pk])
    assert state_of(run) == State.STARTING


def test_a_node_that_was_not_told_is_told_again(
    unclaimed: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(queue, "send", lambda name, *args, queue: sent.append((name, *args, queue)))
    assert services.claim(attempt_id=unclaimed.pk)
    services.reconcile()
    assert sent == []
    opened = timezone.now() - timedelta(seconds=11)
    unclaimed.run.transitions.filter(to_state=State.STARTING).update(at=opened)
    services.reconcile()
    assert sent == [(queue.JOIN, follower_of(unclaimed).pk, "node.b")]


def test_a_node_that_is_told_too_late_starts_nothing(unclaimed: Attempt) -> None:
    services.end_attempt(attempt_id=unclaimed.pk, outcome=State.FAILED, reason="It broke.")
    part = follower_of(unclaimed)
    assert part.ended_at is not None
    assert not services.claim_follower(follower_id=part.pk)
    assert held(unclaimed) == set()


def test_a_device_is_kept_until_its_node_has_nothing_left_of_the_attempt(attempt: Attempt) -> None:
    part = follower_of(attempt)
    hear(part, 0)
    services.end_attempt(attempt_id=attempt.pk, outcome=State.FAILED, reason="It broke.")
    assert held(attempt) == {"b"}
    hear(part, 31)
    services.reconcile()
    assert held(attempt) == {"b"}
    Attempt.objects.update(ended_at=timezone.now() - timedelta(minutes=3))
    services.reconcile()
    assert held(attempt) == set()
    assert follower_of(attempt).reason == "b was not heard again."


def test_two_attempts_do_not_meet_at_one_port(unclaimed: Attempt, make_run: MakeRun) -> None:
    nodes = {node.pk: node for node in Node.objects.all()}
    others = []
    for _ in range(3):
        run = make_run()
        parts = tuple(Part(node, ()) for node in nodes)
        with transaction.atomic():
            others.append(open_attempt(placement=Placement(run.pk, parts), nodes=nodes))
    ports = PortLease.objects.filter(released_at=None).values_list("port", flat=True)
    assert len(set(ports)) == 1 + len(others)


def test_a_machine_that_refuses_is_reached_and_one_that_is_silent_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "KNOCK_S", 0.2)
    monkeypatch.setattr(link, "CUT_AFTER_S", 0.0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert link.reachable("127.0.0.1", port)  # it is bound, and does not listen
        listener.listen(0)
        full = [socket.create_connection(("127.0.0.1", port)) for _ in range(1)]
        until(lambda: not link.reachable("127.0.0.1", port))  # its queue is full: no answer
        cut = link.Link("127.0.0.1", port)
        cut.knock()
        assert cut.is_cut
        for connection in full:
            connection.close()
