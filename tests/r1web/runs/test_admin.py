"""The admin panel: the same services as the API, and a sentence for each row."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import ApiToken, User
from r1web.accounts.services import authenticate_token, create_token
from r1web.runs.models import Attempt, Checkpoint, Desired, Run, State, Transition
from r1web.runs.services import NewEvent, append_events, delete_run

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]
RUNS = "/admin/runs/run/"


@pytest.fixture
def staff(owner: User) -> Client:
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client = Client()
    client.force_login(owner)
    return client


def act(client: Client, action: str, *runs: Run) -> list[str]:
    """Do it to those runs; what the page then says."""
    form = {"action": action, "_selected_action": [run.pk for run in runs]}
    answer = client.post(RUNS, form)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_runs_are_stopped_row_by_row_with_a_sentence_each(staff: Client, make_run: MakeRun) -> None:
    running, waiting, ended = make_run(State.RUNNING), make_run(), make_run(State.FINISHED)
    said = act(staff, "stop", running, waiting, ended)
    assert sorted(said) == sorted(
        [
            f"{running} is stopping.",
            f"{waiting} is stopped.",
            f"{ended}: Run {ended.pk} has already ended (finished).",
        ]
    )
    running.refresh_from_db()
    assert (running.state, running.desired) == (State.STOPPING, Desired.STOPPED)
    assert Transition.objects.filter(run=running).latest("id").actor == "olga"


def test_runs_are_paused_and_continued(staff: Client, make_run: MakeRun) -> None:
    run = make_run()
    act(staff, "pause", run)
    assert Run.objects.get().paused == "Paused by olga."
    act(staff, "proceed", run)
    assert Run.objects.get().paused == ""


def test_runs_are_made_preemptible_and_not(staff: Client, make_run: MakeRun) -> None:
    run = make_run()
    assert act(staff, "give_way", run) == [f"{run} may give way to a higher priority."]
    assert Run.objects.get().preemptible
    assert act(staff, "keep_devices", run)[-1] == f"{run} gives way to no other run."
    assert not Run.objects.get().preemptible


def test_deleted_runs_stand_apart_and_are_restored(
    staff: Client, make_run: MakeRun, owner: User
) -> None:
    run, other = make_run(State.FINISHED, name="gone"), make_run(State.FINISHED, name="here")
    delete_run(run=run, name="gone", actor=owner)
    assert b"gone" not in staff.get(RUNS).content
    listed = staff.get(RUNS, {"deleted": "restorable"}).content
    assert (b"gone" in listed, b"here" in listed) == (True, False)
    form = {"action": "restore", "_selected_action": [run.pk]}
    staff.post(f"{RUNS}?deleted=restorable", form)
    assert set(Run.objects.filter(deleted_at=None)) == {run, other}


def test_runs_are_resumed_and_cloned(
    staff: Client, make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run(State.STOPPED)
    checkpoint = make_checkpoint(run)
    assert act(staff, "resume", run) == [f"{run} is queued."]
    run.refresh_from_db()
    assert run.resume_checkpoint == checkpoint
    act(staff, "clone", run)
    clone = Run.objects.exclude(pk=run.pk).get()
    assert (clone.digest, clone.name, clone.state) == (run.digest, run.name, State.QUEUED)


def test_staff_without_the_permission_cannot_act(
    staff: Client, owner: User, make_run: MakeRun
) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    run = make_run(State.RUNNING)
    staff.post(RUNS, {"action": "stop", "_selected_action": [run.pk]})
    run.refresh_from_db()
    assert run.state == State.RUNNING


def test_people_who_are_not_staff_are_sent_away(make_run: MakeRun, member: User) -> None:
    client = Client()
    client.force_login(member)
    assert client.get(RUNS)["Location"].startswith("/admin/login/")


def test_filters_and_search_narrow_the_runs(staff: Client, make_run: MakeRun) -> None:
    make_run(State.RUNNING, name="alpha")
    make_run(State.FAILED, name="beta")
    make_run(State.FINISHED, name="gamma", deleted_at=timezone.now())

    def shown(query: str) -> list[str]:
        listed = staff.get(f"{RUNS}?{query}").context["cl"].result_list
        return sorted(run.name for run in listed)

    assert shown("") == ["alpha", "beta"]
    assert shown("state__exact=running") == ["alpha"]
    assert shown("q=bet") == ["beta"]
    assert shown("preset=nothing") == []
    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%d+00:00:00")
    assert shown(f"created_at__gte={tomorrow}%2B00:00") == []
    assert shown(f"created_at__lt={tomorrow}%2B00:00") == ["alpha", "beta"]


def test_the_list_takes_as_many_queries_for_thirty_runs_as_for_one(
    staff: Client, make_run: MakeRun, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_run()
    with django_assert_num_queries(8, exact=False) as few:
        staff.get(RUNS)
    for _ in range(29):
        make_run()
    with django_assert_num_queries(len(few)):
        assert len(staff.get(RUNS).context["cl"].result_list) == 30


@pytest.mark.parametrize("model", ["attempt", "transition", "checkpoint", "event"])
def test_what_happened_can_be_read_and_not_changed(
    staff: Client, make_run: MakeRun, make_checkpoint: MakeCheckpoint, model: str
) -> None:
    run = make_run(State.RUNNING)
    Attempt.objects.create(run=run, number=1)
    make_checkpoint(run)
    append_events(run=run, attempt=None, items=[NewEvent("log", {})])
    kind = next(m for m in admin.site._registry if m._meta.model_name == model)
    row = kind._default_manager.latest("pk")
    page = reverse(f"admin:runs_{model}_change", args=[row.pk])
    assert staff.get(reverse(f"admin:runs_{model}_changelist")).status_code == 200
    assert staff.get(page).status_code == 200
    for answer in (
        staff.post(page, {"step": 1}),
        staff.get(reverse(f"admin:runs_{model}_add")),
        staff.post(reverse(f"admin:runs_{model}_delete", args=[row.pk]), {"post": "yes"}),
    ):
        assert answer.status_code == 403
    assert kind._default_manager.filter(pk=row.pk).exists()


def test_every_page_of_the_panel_opens(staff: Client, make_run: MakeRun) -> None:
    make_run()
    for model, model_admin in admin.site._registry.items():
        meta = model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        assert staff.get(reverse(f"{name}_changelist")).status_code == 200, name
        first = model._default_manager.first()
        if first is not None:
            assert staff.get(reverse(f"{name}_change", args=[first.pk])).status_code == 200, name
        answer = staff.get(reverse(f"{name}_add"))
        assert answer.status_code == 200 if _may_add(model_admin, answer) else 403, name


def test_a_new_token_is_shown_once(staff: Client, owner: User) -> None:
    form = {"user": owner.pk, "name": "laptop", "expires_at_0": "", "expires_at_1": ""}
    answer = staff.post("/admin/accounts/apitoken/add/", form)
    (said, *_) = [str(message) for message in get_messages(answer.wsgi_request)]
    secret = said.rsplit(" ", 1)[1]
    assert authenticate_token(secret=secret) == owner
    token = ApiToken.objects.get()
    assert secret in staff.get("/admin/accounts/apitoken/").content.decode()
    page = staff.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()
    assert secret not in page
    assert token.digest not in page


def test_tokens_are_revoked_in_the_panel(staff: Client, owner: User) -> None:
    token = create_token(user=owner, name="old").token
    form = {"action": "revoke", "_selected_action": [token.pk]}
    assert staff.post("/admin/accounts/apitoken/", form).status_code == 302
    token.refresh_from_db()
    assert token.state == "revoked"


def _may_add(model_admin: admin.ModelAdmin, answer: HttpResponse) -> bool:
    return model_admin.has_add_permission(answer.wsgi_request)
