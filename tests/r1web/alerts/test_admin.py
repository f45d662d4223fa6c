"""The panel: the same checks as the API, and no secret on any page."""

from collections.abc import Callable

import pytest
from django.test import Client

from r1web.accounts.models import Project, User
from r1web.alerts.models import Alert, Delivery, Rule, Target
from r1web.runs.models import Run
from tests.r1web.alerts.conftest import SECRET, Journal

MakeRule = Callable[..., Rule]
ALERTS = "/admin/alerts/alert/"


@pytest.fixture
def staff(owner: User) -> Client:
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client = Client()
    client.force_login(owner)
    return client


def test_alerts_are_acknowledged(staff: Client, journal: Journal, make_rule: MakeRule) -> None:
    make_rule()
    journal.values("kl/mean", 2)
    alert = Alert.objects.get()
    staff.post(ALERTS, {"action": "acknowledge", "_selected_action": [alert.pk]})
    alert.refresh_from_db()
    assert str(alert.acknowledged_by) == "olga"
    assert alert.message in staff.get(f"{ALERTS}{alert.pk}/change/").content.decode()


def test_a_rule_is_checked_and_looks_anew_after_a_change(
    staff: Client, run: Run, journal: Journal, make_rule: MakeRule
) -> None:
    rule = make_rule()
    journal.values("kl/mean", 2)
    page = f"/admin/alerts/rule/{rule.pk}/change/"
    form = {
        "project": run.project_id, "run": run.pk, "name": "KL", "kind": "threshold",
        "metric": "kl/mean", "direction": "above", "limit": "", "points": 1, "states": "[]",
        "action": "tell", "enabled": "on",
    }  # fmt: skip
    answer = staff.post(page, form)
    assert "needs limit" in answer.content.decode()
    assert staff.post(page, form | {"limit": "3"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.limit, rule.fired_step, rule.recent) == (3.0, None, [])
    assert Alert.objects.get().cleared_at is not None


def test_a_targets_secret_is_kept_when_left_empty_and_never_shown(
    staff: Client, project: Project
) -> None:
    form = {
        "project": project.pk, "name": "pager", "kind": "webhook",
        "address": "https://example.org/hook", "secret": SECRET, "enabled": "on",
    }  # fmt: skip
    refused = staff.post("/admin/alerts/target/add/", form | {"address": "http://localhost.:x"})
    assert refused.status_code == 200
    assert staff.post("/admin/alerts/target/add/", form).status_code == 302
    page = f"/admin/alerts/target/{Target.objects.get().pk}/change/"
    assert SECRET not in staff.get(page).content.decode()
    assert staff.post(page, form | {"secret": "", "name": "duty"}).status_code == 302
    target = Target.objects.get()
    assert (target.secret, target.name) == (SECRET, "duty")
    assert SECRET not in staff.get("/admin/alerts/target/").content.decode()
    form = {"action": "test", "_selected_action": [target.pk]}
    assert staff.post("/admin/alerts/target/", form).status_code == 302
    assert Delivery.objects.get().target == target
    assert staff.get("/admin/alerts/delivery/").status_code == 200
