"""Leased time is booked by what the journal says; what is lost becomes waste."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from r1web.cluster.models import Lease
from r1web.cluster.services import end_follower
from r1web.cluster.supervisor.record import record_samples
from r1web.ledger.models import Booking, Mark, Meter
from r1web.ledger.services import Measured
from r1web.runs.models import Event, State
from tests.r1web.cluster.test_ingest import told
from tests.r1web.ledger.conftest import Clock, Story, broken_booking, refused_by_the_database
from tests.r1web.runs.pipeline import PIPELINE

MakeStory = Callable[..., Story]


def test_a_step_is_split_among_its_phases(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    clock.go(5)
    story.phase("loading", 3, 0)
    story.start()
    story.step(1)
    story.phase("evaluating", 6)
    story.tell("evaluation", 1, values={}, problems=1, completions_per_problem=1)
    story.save(1)
    story.tell("finished", 1, outcome="finished", reason="Done.")
    clock.go(1)
    story.end(State.FINISHED)
    assert story.seconds() == {
        "idle": 2 * (5 + 3 + 1),
        "sampling": 2 * 8,
        "reward": 2 * 2,
        "training": 2 * 10,
        "evaluation": 2 * 6,
        "checkpoint": 2 * 4,
    }


def test_what_comes_before_an_attempt_s_first_line_is_its_stage_s(
    make_story: MakeStory, clock: Clock
) -> None:
    story = make_story(overrides=PIPELINE)
    for start_step, name in ((0, "zero"), (4, "cold"), (12, "final")):
        story.begin(start_step)
        clock.go(3)
        story.end()
        (booked,) = Booking.objects.filter(attempt__start_step=start_step)
        assert (booked.stage, booked.phase, booked.device_ms) == (name, "idle", 6000)


def test_what_was_begun_when_it_crashed_is_waste(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    story.start()
    story.step(1)
    story.phase("sampling", 7, 2)
    story.sample()
    clock.go(3)  # nobody saw what it did then
    story.end(State.FAILED)
    assert story.seconds() == {"sampling": 16, "reward": 4, "training": 20, "waste": 14, "idle": 6}


def test_steps_that_are_done_again_become_waste(make_story: MakeStory) -> None:
    story = make_story()
    story.begin()
    story.start()
    for step in (1, 2, 3):
        story.step(step)
        if step == 2:
            story.save(step)
    story.end()
    before = story.seconds()
    assert (before["training"], before.get("waste", 0)) == (60, 0)
    story.begin(start_step=2)
    assert story.seconds() == before  # until its trainer is there, nothing is done again
    story.start(2)
    assert story.seconds(number=1) == {
        "sampling": 32, "reward": 8, "training": 40, "checkpoint": 8, "waste": 40,
    }  # fmt: skip
    story.step(3)
    story.end()
    assert story.seconds(number=2) == {"sampling": 16, "reward": 4, "training": 20}


def test_a_run_that_begins_anew_has_wasted_all_its_work(make_story: MakeStory) -> None:
    story = make_story()
    story.begin()
    story.start()
    story.step(1)
    story.save(1)
    story.end()
    story.begin()
    story.start()
    assert story.seconds(number=1) == {"waste": 48}
    assert not Mark.objects.exists()


def test_a_later_start_loses_nothing_of_what_stood_before(make_story: MakeStory) -> None:
    story = make_story()
    for step in (1, 2, 3):
        story.begin(start_step=step - 1)
        story.start(step - 1)
        story.step(step)
        story.save(step, removed=(f"checkpoints/step-{step - 1}",))
        story.end()
    assert "waste" not in story.seconds()
    assert Mark.objects.get().step == 3


def test_a_day_has_its_own_rows(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    story.phase("training", 3 * 3600)
    story.tell("metrics", 1, values={})
    story.end()
    days = Booking.objects.order_by("day").values_list("day", "device_ms")
    assert [(f"{day}", ms) for day, ms in days] == [
        ("2026-03-01", 2 * 2 * 3_600_000), ("2026-03-02", 2 * 1 * 3_600_000),
    ]  # fmt: skip


def test_a_clock_set_back_does_not_shorten_what_was_booked(
    make_story: MakeStory, clock: Clock
) -> None:
    story = make_story()
    story.begin()
    story.phase("training", 60)
    story.sample()
    clock.go(-3600)
    story.tell("metrics", 1, values={})
    story.end()
    lease = Lease.objects.first()
    assert lease is not None
    assert lease.released_at is not None
    assert (lease.released_at - lease.created_at).total_seconds() == 60
    assert sum(story.seconds().values()) == 120


def test_a_line_from_the_future_counts_as_now(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    clock.go(10)
    story.tell("phase", 1, phase="training", skew_s=1e9)
    clock.go(10)
    story.tell("metrics", 1, values={}, skew_s=-1e9)
    story.sample()
    assert story.seconds() == {"idle": 20, "training": 20}


def test_a_node_that_leaves_early_is_booked_until_then(make_story: MakeStory, clock: Clock) -> None:
    story = make_story(nodes=2)
    attempt = story.begin()
    story.phase("training", 10)
    end_follower(follower_id=attempt.followers.get().pk, reason="so the test goes")
    clock.go(10)
    story.tell("metrics", 1, values={})
    story.end()
    by_node = {
        node: sum(Booking.objects.filter(node=node).values_list("device_ms", flat=True))
        for node in ("one-0", "one-1")
    }
    assert by_node == {"one-0": 40_000, "one-1": 20_000}
    assert Meter.objects.get().holds == []


def test_leases_older_than_the_ledger_are_booked_as_idle(
    make_story: MakeStory, clock: Clock
) -> None:
    story = make_story()
    story.begin()
    Meter.objects.all().delete()
    story.phase("training", 10)
    story.end()
    assert story.seconds() == {"idle": 20}
    assert Lease.objects.filter(released_at=timezone.now()).count() == 2


def test_a_stage_is_booked_from_its_beginning(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    story.start()
    turn = {"kind": "sft", "first_step": 0, "last_step": 1}
    story.tell("stage", 0, stage="dev1", state="began", **turn)
    clock.go(3)
    story.tell("phase", 1, stage="dev1", phase="training")
    clock.go(5)
    story.tell("stage", 1, stage="dev1", state="finished", **turn)
    clock.go(2)
    story.end(State.FAILED)
    rows = Booking.objects.filter(run=story.run, stage="dev1", device_ms__gt=0)
    assert {row.phase: row.device_ms for row in rows} == {"training": 10_000, "idle": 10_000}


def test_a_fault_in_booking_costs_no_line_and_no_time(
    make_story: MakeStory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    story = make_story()
    attempt = story.begin()
    story.start()
    with broken_booking():
        story.phase("sampling", 10)
        story.phase("training", 10)
        story.tell("metrics", 1, values={"reward/mean": 1.0})
    assert story.seconds() == {}
    story.run.refresh_from_db()
    assert (story.run.last_step, story.run.summary["reward/mean"]) == (1, 1.0)
    assert story.run.events.filter(type="phase").count() == 2
    (message,) = told(attempt)
    assert "DataError: no room for so much time" in message
    assert [x.exc_info is not None for x in caplog.records if x.levelname == "ERROR"] == [True] * 3
    story.phase("training", 5, 2)
    story.tell("metrics", 2, values={})
    story.end()
    assert story.seconds() == {"idle": 40, "training": 10}
    assert told(attempt) == [message]


def test_a_fault_in_going_on_costs_no_sample_and_no_time(
    make_story: MakeStory, clock: Clock
) -> None:
    story = make_story()
    attempt = story.begin()
    story.start()
    with refused_by_the_database("go_on"):
        for _ in range(2):
            story.phase("training", 10)
            story.sample()
    assert story.seconds() == {}
    assert Event.objects.filter(run=story.run, type="system").count() == 2
    (message,) = told(attempt)
    assert "could not book the time up to now (IntegrityError" in message
    story.tell("metrics", 1, values={})
    story.sample()
    assert story.seconds() == {"training": 40}


def test_attempts_are_booked_though_another_of_the_same_supervisor_cannot_be(
    make_story: MakeStory, clock: Clock
) -> None:
    well, ill = make_story("well"), make_story("ill")
    for story in (well, ill):
        story.begin()
        story.start()
        story.tell("phase", 1, phase="training")
    Meter.objects.filter(attempt=ill.attempt).update(reading={"no": "reading"})
    clock.go(10)
    assert well.attempt is not None
    assert ill.attempt is not None
    samples = {"system/cpu_percent": 1.0}
    both = [Measured(story.attempt, "one-0", None) for story in (well, ill)]
    record_samples([(measured, samples) for measured in both])
    assert (well.seconds(), ill.seconds()) == ({"training": 20}, {})
    assert told(well.attempt) == []
    assert "TypeError" in told(ill.attempt)[0]


def test_a_fault_in_stopping_keeps_no_device(make_story: MakeStory, clock: Clock) -> None:
    story = make_story(nodes=2)
    attempt = story.begin()
    story.start()
    story.phase("training", 10)
    story.sample()
    clock.go(5)
    with refused_by_the_database("stop"):
        end_follower(follower_id=attempt.followers.get().pk)
    assert Lease.objects.filter(released_at=timezone.now()).count() == 2
    (message,) = told(attempt)
    assert "is missing in the run's cost" in message
    clock.go(5)
    story.end()
    assert Lease.objects.filter(released_at=timezone.now()).count() == 2
    assert Meter.objects.get().holds == []
    by_node: dict[str, int] = {}
    for row in Booking.objects.filter(run=story.run):
        by_node[row.node] = by_node.get(row.node, 0) + row.device_ms
    assert by_node == {"one-0": 40_000, "one-1": 20_000}  # whose last five seconds are missing
    story.run.refresh_from_db()
    assert story.run.state == State.FAILED
