"""Budgets: what a run or a project has cost raises an alert, and may pause or stop runs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.alerts import services
from r1web.alerts.models import Alert, Delivery, Rule, Target
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.selectors import queued_runs
from r1web.errors import InvalidError
from r1web.runs.models import Attempt, Desired, Event, Run, State
from r1web.runs.services import continue_run, delete_run, request_stop, resume_run
from tests.r1web.api.test_problems import fields
from tests.r1web.conftest import Api

MakeRun = Callable[..., Run]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = {"name": "Hours", "kind": "budget", "unit": "device_hours", "limit": 3.0}
MONTH = HOURS | {"name": "Month", "kind": "project_budget", "days": 30, "limit": 10.0}


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def spend(now: datetime) -> Callable[..., Attempt]:
    """An attempt of the run with two GPUs at $2 an hour, from so long ago until so long ago."""
    node = Node.objects.create(name="n", queue="node.n", price_per_device_hour=2)
    gpus = [Device.objects.create(node=node, kind="gpu", index=index) for index in range(2)]

    def spend(run: Run, since: timedelta, until: timedelta | None = None) -> Attempt:
        ended = None if until is None else now - until
        attempt = Attempt.objects.create(
            run=run, number=run.attempts.count() + 1, node=node, claimed_at=now - since,
            ended_at=ended,
        )  # fmt: skip
        for gpu in gpus:
            Lease.objects.create(device=gpu, attempt=attempt, released_at=now)
        return attempt

    return spend


def rule_of(run: Run | Project, **changes: Any) -> Rule:
    if isinstance(run, Run):
        return services.create_rule(project=run.project, run=run, fields=HOURS | changes)
    return services.create_rule(project=run, run=None, fields=MONTH | changes)


def messages() -> list[str]:
    return list(Alert.objects.order_by("id").values_list("message", flat=True))


def test_a_run_that_costs_more_than_it_may_is_told_of_once(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime
) -> None:
    run = make_run(State.RUNNING)
    rule = rule_of(run)
    spend(run, 2 * HOUR, HOUR)
    spend(run, HOUR / 2)
    services.look_at_budgets(now=now)
    assert messages() == []  # three hours of three
    for later in (1, 2, 40):
        services.look_at_budgets(now=now + timedelta(minutes=later))
    assert messages() == ["The run has cost 3.03 device-hours, more than its budget of 3."]
    alert = Alert.objects.get()
    assert (alert.run, alert.attempt) == (run, run.attempts.get(number=2))
    assert Event.objects.filter(run=run, type="alert").count() == 1
    services.edit_rule(rule=rule, changes={"limit": 4.0})
    services.look_at_budgets(now=now + 2 * HOUR)
    services.edit_rule(rule=rule, changes={"limit": 3.0})
    services.look_at_budgets(now=now + 2 * HOUR)
    assert len(messages()) == 3  # each change makes it look anew


def test_dollars_count_at_the_nodes_price(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime
) -> None:
    run = make_run(State.RUNNING)
    rule_of(run, unit="usd", limit=11.5)
    spend(run, 3 * HOUR)
    services.look_at_budgets(now=now)
    assert messages() == ["The run has cost $12.00, more than its budget of $11.50."]


@pytest.mark.parametrize(("action", "desired"), [("pause", Desired.QUEUED), ("stop", "stopped")])
def test_a_runs_budget_may_pause_or_stop_it(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime, action: str, desired: str
) -> None:
    run = make_run(State.RUNNING)
    rule_of(run, action=action)
    spend(run, 3 * HOUR)
    services.look_at_budgets(now=now)
    run.refresh_from_db()
    assert (run.state, run.desired) == (State.STOPPING, desired)
    assert messages()[0] in run.reason


def test_a_run_that_has_ended_costs_no_more(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime
) -> None:
    run = make_run(State.FINISHED)
    rule_of(run)
    spend(run, 9 * HOUR, HOUR)
    services.look_at_budgets(now=now)
    assert messages() == []


def test_a_projects_budget_counts_its_last_days_and_deleted_runs_too(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime, project: Project, owner: User
) -> None:
    rule_of(project)
    Target.objects.create(project=project, name="t", kind="slack", address="https://example.org/")
    gone = make_run(State.FINISHED)
    spend(gone, 30 * DAY + HOUR, 30 * DAY - HOUR)  # one hour of two within the window
    delete_run(run=gone, name="sums", actor=owner)
    spend(make_run(State.RUNNING), 4 * HOUR)
    services.look_at_budgets(now=now)
    assert messages() == []  # ten hours of ten
    services.look_at_budgets(now=now + timedelta(minutes=90))
    assert messages() == [
        "Sums has cost 11 device-hours in the last 30 days, more than its budget of 10."
    ]
    alert = Alert.objects.get()
    assert (alert.run, alert.project, alert.cleared_at) == (None, project, None)
    assert Delivery.objects.get().alert == alert
    services.look_at_budgets(now=now + 2 * HOUR)
    assert len(messages()) == 1
    Attempt.objects.filter(ended_at=None).update(ended_at=now)
    services.look_at_budgets(now=now + 40 * DAY)
    alert.refresh_from_db()
    assert alert.cleared_at == now + 40 * DAY


def test_a_projects_budget_pauses_what_it_has_and_what_comes(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime, project: Project, owner: User
) -> None:
    rule_of(project, action="pause")
    running, waiting = make_run(State.RUNNING), make_run()
    ended, stopped = make_run(State.FINISHED), make_run(State.STOPPED)
    spend(running, 6 * HOUR)
    services.look_at_budgets(now=now)
    assert Run.objects.get(pk=running.pk).desired == Desired.QUEUED
    assert Run.objects.get(pk=waiting.pk).paused.startswith("Paused: Sums has cost 12 device-hours")
    assert Run.objects.get(pk=ended.pk).paused == ""
    new = make_run()
    resume_run(run=stopped, actor=owner)
    assert not queued_runs().exists()
    reason = "Paused: the project's budget “Month” is used up."
    assert set(Run.objects.filter(reason=reason)) == {new, stopped}
    continue_run(run=waiting, actor=owner)  # a person may let one go on all the same
    services.look_at_budgets(now=now + HOUR)
    assert list(queued_runs()) == [waiting]
    Rule.objects.filter(kind="project_budget").update(enabled=False)
    assert make_run() in queued_runs()


def test_a_projects_budget_stops_what_it_has_and_holds_what_comes(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime, project: Project
) -> None:
    rule_of(project, action="stop", unit="usd", limit=20.0, days=1)
    running, waiting = make_run(State.RUNNING), make_run()
    asked = make_run(State.RUNNING)
    request_stop(run=asked, actor="olga")
    spend(running, 6 * HOUR)
    services.look_at_budgets(now=now)
    assert messages() == ["Sums has cost $24.00 in the last day, more than its budget of $20.00."]
    assert set(Run.objects.values_list("desired", flat=True)) == {Desired.STOPPED}
    assert Run.objects.get(pk=waiting.pk).state == State.STOPPED
    assert make_run().pk not in queued_runs().values_list("pk", flat=True)


def test_other_projects_are_left_alone(
    make_run: MakeRun, spend: Callable[..., Attempt], now: datetime, project: Project
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    rule_of(other, action="stop", limit=0.1)
    run = make_run(State.RUNNING)
    spend(run, 6 * HOUR)
    services.look_at_budgets(now=now)
    assert (messages(), Run.objects.get(pk=run.pk).state) == ([], State.RUNNING)


def test_a_new_run_gets_its_projects_budget_for_runs_only(
    make_run: MakeRun, project: Project
) -> None:
    rule_of(project)
    services.create_rule(project=project, run=None, fields=HOURS | {"action": "pause"})
    copied = Rule.objects.filter(run=make_run(), kind__contains="budget").get()
    assert (copied.name, copied.unit, copied.action) == ("Hours", "device_hours", "pause")


def test_a_projects_budget_is_no_rule_of_a_run(make_run: MakeRun) -> None:
    with pytest.raises(InvalidError) as raised:
        rule_of(make_run(), kind="project_budget", days=1)
    assert raised.value.errors[0].path == "kind"


def test_a_budget_says_how_much_of_it_is_used(
    api: Api, make_run: MakeRun, spend: Callable[..., Attempt], project: Project
) -> None:
    run = make_run(State.STOPPED)
    spend(run, 3 * HOUR, 2 * HOUR)
    rules = f"/runs/{run.pk}/alert-rules", f"/projects/{project.slug}/alert-rules"
    made = [
        api.post(rules[0], HOURS).json(),
        api.post(rules[1], MONTH | {"unit": "usd"}).json(),
        api.post(rules[1], HOURS).json(),
    ]
    assert [rule["used"] for rule in made] == [2.0, 4.0, None]  # the last is for new runs
    listed = [rule for path in rules for rule in api.get(path).json()["items"]]
    assert [rule for rule in listed if rule["unit"]] == made
    for change, path in (
        ({"limit": 0}, "limit"), ({"limit": 2e9}, "limit"), ({"days": 0}, "days"),
        ({"days": 367}, "days"), ({"unit": "joules"}, "unit"), ({"metric": "kl/mean"}, "metric"),
    ):  # fmt: skip
        assert fields(api.post(rules[1], MONTH | change)) == [path]
