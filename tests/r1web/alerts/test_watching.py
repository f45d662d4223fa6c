"""Rules see what happens to a run, fire once until they have cleared, and may stop it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import Project, User
from r1web.alerts import services
from r1web.alerts.defaults import DEFAULT_RULES
from r1web.alerts.models import Alert, Rule, RuleKind
from r1web.runs.models import Attempt, Desired, Event, Run, State, Transition
from r1web.runs.services import create_run, transition
from tests.r1web.alerts.conftest import Journal
from training.config.presets import preset_names
from training.events import MetricsEvent

MakeRule = Callable[..., Rule]
MakeRun = Callable[..., Run]


def steps() -> list[int]:
    return list(Alert.objects.order_by("id").values_list("step", flat=True))


def cleared() -> list[bool]:
    alerts = Alert.objects.order_by("id")
    return [alert.cleared_at is not None for alert in alerts]


def test_a_rule_fires_once_until_it_has_cleared(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(points=2)
    journal.values("kl/mean", 2, 0, 2, 2, 2, 0, 2, 2)
    assert (steps(), cleared()) == ([4], [False])  # one quiet point in between is not enough
    journal.values("kl/mean", 0, 0, first_step=9)
    assert cleared() == [True]
    journal.values("kl/mean", 3, 3, first_step=11)
    assert (steps(), cleared()) == ([4, 12], [True, False])
    alert = Alert.objects.latest("id")
    assert alert.message == "kl/mean is above 1 for 2 points: 3 at step 12."
    assert (alert.value, alert.metric, alert.rule_name) == (3.0, "kl/mean", "KL")


def test_an_alert_is_an_event_of_the_run_after_its_cause(
    journal: Journal, make_rule: MakeRule
) -> None:
    make_rule(kind=RuleKind.NONFINITE, metric="optim/loss", points=1, name="Loss")
    journal.values("optim/loss", "NaN")
    cause, news = Event.objects.filter(run=journal.attempt.run).order_by("-seq")[:2][::-1]
    assert (cause.type, news.type, news.step) == ("metrics", "alert", 1)
    alert = Alert.objects.get()
    assert news.payload == {
        "id": alert.pk,
        "rule": "Loss",
        "metric": "optim/loss",
        "value": "NaN",
        "message": "optim/loss is nan at step 1.",
    }
    assert (alert.has_value, alert.value) == (True, None)


def test_a_falling_curve_fires_a_slope_rule(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(kind=RuleKind.SLOPE, metric="reward/mean", direction="below", limit=-0.05, points=4)
    journal.values("reward/mean", 0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1)
    assert steps() == [7]
    assert Alert.objects.get().message == (
        "reward/mean changes by -0.1 a step over the last 4 points, below -0.05."
    )


def test_events_that_were_seen_change_nothing(journal: Journal, make_rule: MakeRule) -> None:
    rule = make_rule(points=2)
    events = [
        MetricsEvent(seq=seq, time=float(seq), step=seq, values={"kl/mean": value})
        for seq, value in enumerate([2.0, 2.0, 0.0, 0.0, 2.0], 1)
    ]
    for batch in (events, events[2:], events):
        services.observe([services.Shown(journal.attempt.run, journal.attempt, batch)])
        assert (steps(), cleared()) == ([2], [True])
    # Even a rule that has forgotten everything raises each alert once.
    Rule.objects.filter(pk=rule.pk).update(recent=[], fired_step=None)
    services.observe([services.Shown(journal.attempt.run, journal.attempt, events)])
    assert (steps(), cleared()) == ([2], [True])


def test_however_a_journal_is_cut_the_alerts_are_the_same(
    make_run: MakeRun, make_rule: MakeRule, run: Run
) -> None:
    values = [0, 2, 2, 2, 0, 0, 3, 3, float("inf"), 0, 0, 4, 4]
    # Long enough for many at once of a rule that has fired, and ends amid such a batch or not.
    values += [4] * 20 + [0, float("nan"), 0, 4, 0, 0] + [0] * 12 + [5, 5]
    seen = []
    for size in (1, 3, 9, len(values)):
        attempt = Attempt.objects.create(run=make_run(State.RUNNING), number=1)
        Rule.objects.all().delete()
        make_rule(points=2)
        Rule.objects.update(run=attempt.run)
        journal = Journal(attempt)
        for place in range(0, len(values), size):
            journal.values("kl/mean", *values[place : place + size], first_step=place + 1)
        alerts = Alert.objects.filter(run=attempt.run).order_by("id")
        seen.append([(one.step, one.message, one.at, one.cleared_at) for one in alerts])
    assert [step for step, *_ in seen[0]] == [3, 8, 13, 53]
    assert all(alerts == seen[0] for alerts in seen)


def test_what_a_resumed_run_goes_over_again_is_looked_at_anew(
    journal: Journal, make_rule: MakeRule
) -> None:
    make_rule(points=2)
    journal.values("kl/mean", 0, 0, 0, 2, 2)
    journal.values("kl/mean", 2, 0, 2, 2, first_step=3)  # from a checkpoint after step 2
    assert (steps(), cleared()) == ([5, 6], [True, False])


def test_a_rule_may_stop_the_run(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(action="stop")
    journal.values("kl/mean", 0, 2, 2)
    run = Run.objects.get()
    assert (run.state, run.desired, run.last_step) == (State.STOPPING, Desired.STOPPED, 3)
    change = Transition.objects.latest("id")
    assert (change.actor, change.reason) == ("alert rule “KL”", Alert.objects.get().message)


def test_a_rule_may_pause_the_run(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(action="pause")
    journal.values("kl/mean", 0, 2)
    run = Run.objects.get()
    assert (run.state, run.desired) == (State.STOPPING, Desired.QUEUED)
    assert run.paused == f"Paused: {Alert.objects.get().message}"
    change = Transition.objects.latest("id")
    assert (change.actor, change.reason) == ("alert rule “KL”", run.paused)


def test_a_run_that_is_being_stopped_is_not_paused(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(action="stop")
    make_rule(action="pause")
    journal.values("kl/mean", 2)
    run = Run.objects.get()
    assert (run.desired, run.paused) == (Desired.STOPPED, "")
    assert Alert.objects.count() == 2


def test_a_rule_that_is_switched_off_or_of_another_run_says_nothing(
    journal: Journal, make_rule: MakeRule, make_run: MakeRun
) -> None:
    make_rule(enabled=False)
    make_rule(metric="kl/other")
    other = make_rule()
    Rule.objects.filter(pk=other.pk).update(run=make_run())
    journal.values("kl/mean", 2, 2)
    assert not Alert.objects.exists()


def test_each_change_to_a_listed_state_is_an_alert_until_the_next_change(
    run: Run, make_rule: MakeRule
) -> None:
    make_rule(kind=RuleKind.STATE, states=["failed", "lost"])
    for state in (State.LOST, State.RUNNING, State.LOST, State.FAILED):
        transition(run=run, to=state, reason=f"It is {state}.", actor="test")
    assert list(Alert.objects.order_by("id").values_list("message", flat=True)) == [
        "The run is lost: It is lost.",
        "The run is lost: It is lost.",
        "The run is failed: It is failed.",
    ]
    assert cleared() == [True, True, False]


def test_silence_is_noticed_once_and_ends_with_the_next_metrics(
    journal: Journal, make_rule: MakeRule
) -> None:
    make_rule(kind=RuleKind.ABSENCE, seconds=60)
    journal.values("kl/mean", 0)
    heard = Event.objects.filter(type="metrics").latest("seq").at
    services.look_for_silence(now=heard + timedelta(seconds=60))
    assert steps() == []
    for late in (61, 62, 900):
        services.look_for_silence(now=heard + timedelta(seconds=late))
    assert (steps(), cleared()) == ([1], [False])
    assert Alert.objects.get().message == "No metrics for 61 s while the run is running."
    journal.values("kl/mean", 0, first_step=2)
    assert cleared() == [True]
    services.look_for_silence(now=heard + timedelta(hours=1))
    assert steps() == [1, 2]


def test_a_run_that_does_not_run_is_not_silent(journal: Journal, make_rule: MakeRule) -> None:
    make_rule(kind=RuleKind.ABSENCE, seconds=60, action="stop")
    later = timezone.now() + timedelta(days=1)
    services.look_for_silence(now=later)  # nothing was told yet: loading a model takes its time
    assert steps() == []
    journal.values("kl/mean", 0)
    services.look_for_silence(now=later)
    run = journal.attempt.run
    run.refresh_from_db()
    assert (len(steps()), run.state) == (1, State.STOPPING)
    transition(run=run, to=State.STOPPED, reason="", actor="test")
    assert cleared() == [True]
    services.look_for_silence(now=later + timedelta(days=1))
    assert len(steps()) == 1


@pytest.mark.parametrize("preset", preset_names())
def test_a_new_run_of_any_preset_begins_with_its_projects_rules(
    owner: User, project: Project, preset: str
) -> None:
    owner.is_staff = True  # the paper's model is a directory
    off = Rule.objects.get(project=project, run=None, name="Flat groups")
    services.edit_rule(rule=off, changes={"enabled": False, "limit": 0.8})
    run = create_run(owner=owner, project=project, preset=preset, name="r", overrides={})
    rules = Rule.objects.filter(run=run)
    assert [rule.name for rule in rules] == [rule["name"] for rule in DEFAULT_RULES]
    copied = rules.get(name="Flat groups")
    assert (copied.enabled, copied.limit) == (False, 0.8)
    for rule in rules:
        services.check_rule(rule)


def test_default_rules_are_silent_on_a_healthy_run(make_run: MakeRun) -> None:
    healthy = {
        "groups/flat": 0.4,
        "completion/truncated": 0.05,
        "entropy/mean": 0.4,
        "kl/mean": 0.02,
        "optim/loss": 0.0,
    }
    journal = Journal(Attempt.objects.create(run=make_run(State.RUNNING), number=1))
    journal.tell(
        *(
            {"step": step, "values": {**healthy, "reward/mean": step / 100}}
            for step in range(1, 101)
        )
    )
    assert steps() == []


BROKEN: dict[str, dict[str, Any]] = {
    "Loss is not a number": {"optim/loss": "NaN"},
    "Flat groups": {"groups/flat": 1.0},
    "Truncated completions": {"completion/truncated": 0.9},
    "Entropy collapse": {"entropy/mean": 0.001},
    "KL blow-up": {"kl/mean": 5.0},
}


@pytest.mark.parametrize("name", BROKEN)
def test_default_rules_fire_on_what_they_are_named_after(make_run: MakeRun, name: str) -> None:
    journal = Journal(Attempt.objects.create(run=make_run(State.RUNNING), number=1))
    journal.tell(*({"step": step, "values": BROKEN[name]} for step in range(1, 41)))
    assert [alert.rule_name for alert in Alert.objects.all()] == [name]


def test_a_reward_that_falls_is_told_of_by_default(make_run: MakeRun) -> None:
    journal = Journal(Attempt.objects.create(run=make_run(State.RUNNING), number=1))
    journal.values("reward/mean", *(1 - step / 100 for step in range(60)))
    assert [alert.rule_name for alert in Alert.objects.all()] == ["Reward falls"]


def test_rules_are_read_once_a_batch(
    make_run: MakeRun, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run(State.RUNNING)
    attempt = Attempt.objects.create(run=run, number=1)
    values = {"kl/mean": 0.1, "entropy/mean": 0.5, "reward/mean": 0.5, "groups/flat": 0.1}
    events = [MetricsEvent(seq=seq, time=1.0, step=seq, values=values) for seq in range(1, 101)]
    with django_assert_max_num_queries(2):  # the rules, and what they remember
        services.observe([services.Shown(run, attempt, events)])
    assert len(json.dumps(Rule.objects.get(run=run, metric="reward/mean").recent)) < 2_000
