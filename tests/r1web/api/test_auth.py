"""Who is let in, and what each of the cast may do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from r1web.accounts.models import ApiToken, User
from r1web.accounts.services import create_token, revoke_token
from r1web.runs.models import Run, State
from tests.r1web.api.test_problems import body_of
from tests.r1web.conftest import Api, caller

START = {"preset": "r1-zero-nano", "name": "x"}
READS = ["/runs/{}", "/runs/{}/events", "/runs/{}/logs", "/runs/{}/checkpoints"]
READS += ["/runs/{}/transitions", "/runs/{}/metrics", "/runs/{}/rollouts"]
CHANGES = [
    ("PATCH", "/runs/{}", {"name": "changed"}),
    ("POST", "/runs/{}/stop", {}),
    ("POST", "/runs/{}/resume", {}),
    ("POST", "/runs/{}/fork", {}),
    ("POST", "/runs/{}/pause", {}),
    ("POST", "/runs/{}/continue", {}),
    ("DELETE", "/runs/{}", None),
]

MakeRun = Callable[..., Run]


def test_without_a_name_nothing_is_shown(make_run: MakeRun) -> None:
    run, anonymous = make_run(), Api({})
    for path in [*READS, "/runs", "/me", "/nodes", "/presets", "/config-schema"]:
        assert body_of(anonymous.get(path.format(run.pk)), 401)["code"] == "not_authenticated"
    for method, path, body in CHANGES:
        body_of(anonymous.send(method, path.format(run.pk), body), 401)
    assert "Bearer" in anonymous.get("/me")["WWW-Authenticate"]


def test_health_needs_no_name(db: None) -> None:
    assert Api({}).get("/health/live").json() == {"status": "ok"}


def test_members_see_and_change(make_run: MakeRun, owner: User, member: User) -> None:
    for user in (owner, member):
        api, run = caller(user), make_run(State.STOPPED)
        for path in READS:
            assert api.get(path.format(run.pk)).status_code == 200, path
        assert api.patch(f"/runs/{run.pk}", {"name": "changed"}).json()["name"] == "changed"
        assert api.post("/runs", START).status_code == 201
        assert api.delete(f"/runs/{run.pk}?name=changed").status_code == 204


def test_a_viewer_sees_and_changes_nothing(make_run: MakeRun, viewer: User) -> None:
    api, run = caller(viewer), make_run(State.STOPPED)
    before = Run.objects.values().get()
    for path in READS:
        assert api.get(path.format(run.pk)).status_code == 200, path
    for method, path, body in CHANGES:
        assert body_of(api.send(method, path.format(run.pk), body), 403)["code"] == "forbidden"
    body_of(api.post("/runs", START), 403)
    assert Run.objects.values().get() == before


def test_to_a_stranger_the_run_does_not_exist(make_run: MakeRun, stranger: User) -> None:
    api, run = caller(stranger), make_run(State.STOPPED)
    before = Run.objects.values().get()
    for path in READS:
        body_of(api.get(path.format(run.pk)), 404)
    for method, path, body in CHANGES:
        body_of(api.send(method, path.format(run.pk), body), 404)
    assert api.get("/runs").json()["items"] == []
    assert Run.objects.values().get() == before


def test_what_the_user_may_do_is_in_the_answer(
    make_run: MakeRun, owner: User, viewer: User
) -> None:
    run = make_run(State.STOPPED)
    may = caller(owner).get(f"/runs/{run.pk}").json()["permissions"]
    assert may == {
        "change": True,
        "stop": False,
        "pause": False,
        "resume": True,
        "fork": False,
        "delete": True,
    }
    assert not any(caller(viewer).get(f"/runs/{run.pk}").json()["permissions"].values())


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "token_expired", "expired on"),
        ({"revoked_at": timezone.now()}, "token_revoked", "revoked"),
    ],
)
def test_a_token_that_is_over_says_why(
    owner: User, change: dict[str, object], code: str, word: str
) -> None:
    api = caller(owner)
    ApiToken.objects.update(**change)
    problem = body_of(api.post("/runs", START), 401)
    assert problem["code"] == code
    assert word in problem["detail"]
    assert not Run.objects.exists()


def test_an_unknown_token_or_a_closed_account_is_refused(owner: User) -> None:
    wrong = Api({"Authorization": "Bearer r1w_nothing"})
    assert body_of(wrong.get("/me"), 401)["code"] == "token_unknown"
    api = caller(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    body_of(api.get("/me"), 401)


def test_a_revoked_token_stays_revoked_at_its_first_time(owner: User) -> None:
    token = create_token(user=owner, name="t").token
    revoke_token(token=token)
    first = ApiToken.objects.get().revoked_at
    revoke_token(token=token)
    assert ApiToken.objects.get().revoked_at == first is not None


def test_a_session_changes_nothing_without_the_csrf_token(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    send = {"data": START, "content_type": "application/json"}
    assert body_of(browser.post("/api/v1/runs", **send), 403)["code"] == "csrf_failed"
    assert not Run.objects.exists()
    token = browser.get("/api/v1/me").json()["csrf_token"]
    answer = browser.post("/api/v1/runs", **send, headers={"X-CSRFToken": token})
    assert answer.status_code == 201


def test_me_says_who_and_where(member: User) -> None:
    me = caller(member).get("/me").json()
    assert me["username"] == "milo"
    assert me["projects"] == [
        {"slug": "sums", "name": "Sums", "role": "member", "device_quota": None}
    ]
    assert me["is_staff"] is False


def test_only_staff_may_name_a_directory(owner: User) -> None:
    asked = START | {"config": {"model": {"path": "/models/other"}}}
    refused = body_of(caller(owner).post("/runs", asked), 403)
    assert refused["errors"][0]["path"] == "model.path"
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    run = caller(owner).post("/runs", asked).json()
    assert run["config"]["model"]["path"] == "/models/other"
