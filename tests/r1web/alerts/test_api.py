"""Rules, alerts, targets and deliveries by REST: for whom they exist, and who may change them."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from r1web.accounts.models import Project, User
from r1web.alerts.models import Alert, Rule, Target
from r1web.runs.models import Run, State
from tests.r1web.alerts.conftest import SECRET, Journal
from tests.r1web.api.test_problems import body_of, fields
from tests.r1web.conftest import Api, caller

MakeRule = Callable[..., Rule]
MakeRun = Callable[..., Run]

RULE = {
    "name": "Spikes",
    "kind": "threshold",
    "metric": "optim/grad_norm",
    "direction": "above",
    "limit": 10,
    "points": 3,
}
HOOK = {
    "name": "pager",
    "kind": "webhook",
    "address": "https://hooks.example.org/path-that-is-a-secret?key=1",
    "secret": SECRET,
}


def items(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(path, **query).json()["items"]
    return found


def test_a_rule_is_added_changed_switched_off_and_deleted(api: Api, run: Run) -> None:
    made = api.post(f"/runs/{run.pk}/alert-rules", RULE)
    rule = made.json()
    assert made.status_code == 201
    assert items(api, f"/runs/{run.pk}/alert-rules") == [rule]
    assert {name: rule[name] for name in RULE} == RULE
    assert (rule["enabled"], rule["action"], rule["firing"]) == (True, "tell", False)
    path = f"/alert-rules/{rule['id']}"
    changed = api.patch(path, {"enabled": False, "limit": 20, "action": "stop"}).json()
    assert changed == rule | {"enabled": False, "limit": 20, "action": "stop"}
    assert api.delete(path).status_code == 204
    assert items(api, f"/runs/{run.pk}/alert-rules") == []


def test_a_projects_alerts_are_those_of_all_its_runs(
    api: Api, project: Project, journal: Journal, make_rule: MakeRule
) -> None:
    make_rule()
    journal.values("kl/mean", 2)
    (alert,) = items(api, f"/projects/{project.slug}/alerts")
    assert (alert["run"], alert["run_name"]) == (journal.attempt.run_id, "sums")
    assert items(api, f"/projects/{project.slug}/alerts", acknowledged=True) == []


def test_a_projects_rules_are_for_its_new_runs(
    api: Api, project: Project, make_run: MakeRun
) -> None:
    before = make_run()
    api.post(f"/projects/{project.slug}/alert-rules", RULE)
    after = make_run()

    def named(run: Run) -> list[str]:
        return [rule["name"] for rule in items(api, f"/runs/{run.pk}/alert-rules")]

    assert named(after) == [*named(before), "Spikes"]
    of_project = items(api, f"/projects/{project.slug}/alert-rules")
    assert [rule["name"] for rule in of_project] == named(after)
    assert {rule["run"] for rule in of_project} == {None}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "guess"}, "kind"),
        ({"metric": None}, "metric"),
        ({"metric": "a\0b"}, "metric"),
        ({"direction": "sideways"}, "direction"),
        ({"limit": None}, "limit"),
        ({"limit": "NaN"}, "limit"),
        ({"points": 0}, "points"),
        ({"points": 501}, "points"),
        ({"kind": "slope", "points": 1}, "points"),
        ({"seconds": 60}, "seconds"),
        ({"states": ["failed"]}, "states"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"unit": "usd"}, "unit"),
        ({"days": 30}, "days"),
        ({"action": "shout"}, "action"),
        ({"colour": "red"}, "colour"),
        ({"recent": []}, "recent"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(
    api: Api, run: Run, change: dict[str, Any], path: str
) -> None:
    answer = api.post(f"/runs/{run.pk}/alert-rules", {**RULE, **change})
    assert fields(answer) == [path]
    assert not Rule.objects.exists()


def test_rules_on_states_and_silence_are_checked(api: Api, run: Run) -> None:
    path = f"/runs/{run.pk}/alert-rules"
    state = {"name": "s", "kind": "state", "states": ["failed"]}
    assert fields(api.post(path, state | {"states": ["sleepy"]})) == ["states"]
    assert fields(api.post(path, state | {"states": []})) == ["states"]
    assert fields(api.post(path, state | {"action": "pause"})) == ["action"]
    assert fields(api.post(path, {"name": "a", "kind": "absence", "seconds": 1})) == ["seconds"]
    assert api.post(path, state).status_code == 201


def test_a_change_makes_a_rule_look_anew(api: Api, journal: Journal, make_rule: MakeRule) -> None:
    rule = make_rule()
    journal.values("kl/mean", 2)
    path = f"/runs/{rule.run_id}/alerts"
    assert items(api, f"/runs/{rule.run_id}/alert-rules")[0]["firing"]
    api.patch(f"/alert-rules/{rule.pk}", {"limit": 1.5})
    assert items(api, path)[0]["cleared_at"] is not None
    journal.values("kl/mean", 2, first_step=2)
    assert [alert["step"] for alert in items(api, path)] == [2, 1]
    api.delete(f"/alert-rules/{rule.pk}")
    assert [alert["rule"] for alert in items(api, path)] == [None, None]
    assert all(alert["cleared_at"] for alert in items(api, path))


def test_alerts_come_newest_first_in_pages_and_are_acknowledged_once(
    api: Api, member: User, journal: Journal, make_rule: MakeRule
) -> None:
    make_rule()
    journal.values("kl/mean", *[2, 0] * 5, "Infinity")
    path = f"/runs/{journal.attempt.run_id}/alerts"
    first = api.get(path, limit=4).json()
    second = api.get(path, limit=4, cursor=first["next_cursor"]).json()
    alerts = first["items"] + second["items"]
    assert [alert["step"] for alert in alerts] == [11, 9, 7, 5, 3, 1]
    assert (alerts[0]["value"], alerts[1]["value"]) == ("Infinity", 2.0)
    assert second["next_cursor"] is None
    assert fields(api.get(path, cursor="x")) == ["cursor"]

    acknowledge = f"/alerts/{alerts[0]['id']}/acknowledge"
    noted = api.post(acknowledge).json()
    assert noted["acknowledged_by"] == "olga"
    assert caller(member).post(acknowledge).json() == noted
    assert [alert["step"] for alert in items(api, path, acknowledged=True)] == [11]
    assert len(items(api, path, acknowledged=False)) == 5


def test_who_may_see_and_who_may_change(  # noqa: PLR0917 - everybody who is somebody
    api: Api,
    viewer: User,
    stranger: User,
    journal: Journal,
    make_rule: MakeRule,
    project: Project,
) -> None:
    rule = make_rule()
    journal.values("kl/mean", 2)
    target = api.post(f"/projects/{project.slug}/alert-targets", HOOK).json()
    run_id, alert = rule.run_id, Alert.objects.get()
    lists = [
        f"/runs/{run_id}/alerts",
        f"/runs/{run_id}/alert-rules",
        f"/projects/{project.slug}/alerts",
        f"/projects/{project.slug}/alert-rules",
        f"/projects/{project.slug}/alert-targets",
        f"/projects/{project.slug}/alert-deliveries",
    ]
    changes = [
        ("POST", f"/runs/{run_id}/alert-rules", RULE),
        ("POST", f"/projects/{project.slug}/alert-rules", RULE),
        ("PATCH", f"/alert-rules/{rule.pk}", {"enabled": False}),
        ("DELETE", f"/alert-rules/{rule.pk}", None),
        ("POST", f"/alerts/{alert.pk}/acknowledge", None),
        ("POST", f"/projects/{project.slug}/alert-targets", HOOK),
        ("PATCH", f"/alert-targets/{target['id']}", {"enabled": False}),
        ("POST", f"/alert-targets/{target['id']}/test", None),
        ("DELETE", f"/alert-targets/{target['id']}", None),
    ]
    for path in lists:
        assert caller(viewer).get(path).status_code == 200, path
        assert body_of(caller(stranger).get(path), 404)["code"] == "not_found", path
    for method, path, body in changes:
        assert body_of(caller(viewer).send(method, path, body), 403)["code"] == "forbidden", path
        assert caller(stranger).send(method, path, body).status_code == 404, path
    Run.objects.update(state=State.FINISHED)
    api.delete(f"/runs/{run_id}?name=sums")
    for method, path, body in changes[2:5]:
        assert api.send(method, path, body).status_code == 404, path
    assert items(api, f"/projects/{project.slug}/alert-deliveries") == []
    assert items(api, f"/projects/{project.slug}/alerts") == []


def test_a_secret_goes_in_and_never_comes_out(
    api: Api, project: Project, journal: Journal, make_rule: MakeRule
) -> None:
    path = f"/projects/{project.slug}/alert-targets"
    made = api.post(path, HOOK)
    assert made.status_code == 201
    make_rule()
    journal.values("kl/mean", 2)
    target = made.json()
    assert target["address"] == "https://hooks.example.org/…"
    changed = api.patch(f"/alert-targets/{target['id']}", {"name": "duty"})
    answers = [made, changed, api.get(path), api.get(f"/runs/{journal.attempt.run_id}/alerts")]
    answers.append(api.get(f"/projects/{project.slug}/alert-deliveries"))
    for answer in answers:
        assert SECRET not in answer.content.decode()
        assert "path-that-is-a-secret" not in answer.content.decode()
    assert Target.objects.get().secret == SECRET
    (delivery,) = items(api, f"/projects/{project.slug}/alert-deliveries", status="pending")
    assert (delivery["target"], delivery["target_name"]) == (target["id"], "pager")
    assert items(api, f"/projects/{project.slug}/alert-deliveries", status="failed") == []
    api.delete(f"/alert-targets/{target['id']}")
    assert items(api, path) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"secret": "short"}, "secret"),
        ({"secret": None}, "secret"),
        ({"kind": "slack"}, "secret"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": "email"}, "kind"),
        ({"address": "ftp://example.org"}, "address"),
        ({"address": "http://127.0.0.1/"}, "address"),
        ({"address": "http://169.254.169.254/latest"}, "address"),
        ({"name": "n" * 81}, "name"),
    ],
)
def test_a_target_that_cannot_be_sent_to_is_refused_at_its_field(
    api: Api, project: Project, change: dict[str, Any], path: str
) -> None:
    assert fields(api.post(f"/projects/{project.slug}/alert-targets", HOOK | change)) == [path]
    assert not Target.objects.exists()


def test_mail_goes_to_addresses_of_people(api: Api, project: Project, settings: Settings) -> None:
    settings.R1WEB_EMAIL_URL = "smtp://127.0.0.1:1"
    path = f"/projects/{project.slug}/alert-targets"
    to = {"name": "olga", "kind": "email", "address": "olga@example.org"}
    assert fields(api.post(path, to | {"address": "olga"})) == ["address"]
    assert fields(api.post(path, to | {"address": "olga@example.org\nBcc: x@y.z"})) == ["address"]
    assert api.post(path, to).json()["address"] == "olga@example.org"


def test_there_is_a_limit_to_rules_and_targets(api: Api, project: Project) -> None:
    Rule.objects.bulk_create(Rule(project=project, name="r", kind="state") for _ in range(50))
    assert fields(api.post(f"/projects/{project.slug}/alert-rules", RULE)) == ["name"]
    Target.objects.bulk_create(Target(project=project, name="t", kind="slack") for _ in range(20))
    assert fields(api.post(f"/projects/{project.slug}/alert-targets", HOOK)) == ["name"]


def test_the_list_takes_as_many_queries_for_many_alerts_as_for_one(
    api: Api,
    project: Project,
    journal: Journal,
    make_rule: MakeRule,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    api.post(f"/projects/{project.slug}/alert-targets", HOOK)
    make_rule()
    journal.values("kl/mean", 2, 0)
    path = f"/runs/{journal.attempt.run_id}/alerts"
    with django_assert_num_queries(4):  # the token, the run, the alerts, their deliveries
        assert len(items(api, path)) == 1
    journal.values("kl/mean", *[2, 0] * 20, first_step=3)
    with django_assert_num_queries(4):
        assert len(items(api, path)) == 21
