"""GET /queue, and what moves runs in it: priority, quotas, and who may change them."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import Membership, Project, User
from r1web.api.pagination import encode_cursor
from r1web.cluster import selectors, services
from r1web.cluster.models import Node
from r1web.runs.models import Run, State
from r1web.runs.services import request_stop
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
MakeNode = Callable[..., Node]


def test_a_queue_tells_order_reason_and_when(
    make_run: MakeRun, make_node: MakeNode, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_node()
    finished = make_run()
    (attempt,) = services.schedule()
    services.end_attempt(attempt_id=attempt.pk, outcome=State.FINISHED, reason="Done.")
    now = timezone.now()
    steps = finished.total_steps
    Run.objects.filter(pk=finished.pk).update(last_step=steps)
    attempt.started_at, attempt.ended_at = now - timedelta(seconds=10 * steps), now
    attempt.outcome = State.FINISHED
    attempt.save()
    running = make_run()
    (attempt,) = services.schedule()
    Run.objects.filter(pk=running.pk).update(state=State.RUNNING, last_step=steps // 2)
    attempt.started_at = now - timedelta(seconds=4 * (steps // 2))
    attempt.save()
    first, second = make_run(), make_run()
    hopeless = make_run(overrides={"hardware": {"gpu_model": "H200"}})
    queue = api.get("/queue").json()
    assert queue["length"] == 3
    lines = [(item["run"], item["position"], item["possible"]) for item in queue["items"]]
    assert lines == [(first.pk, 1, True), (second.pk, 2, True), (hopeless.pk, 3, False)]
    one, two, three = queue["items"]
    assert one["reason"] == "First in line: waiting for a free device on laptop."
    assert three["reason"] == "Needs a GPU named H200, but no node has one."
    # The running one takes 4 s a step and has half its steps to go; such runs take 10 s a step.
    assert one["starts_in_s"] == pytest.approx(4 * (steps - steps // 2), abs=30)
    assert two["starts_in_s"] - one["starts_in_s"] == pytest.approx(10 * steps)
    assert three["starts_in_s"] is None
    assert queue["projects"] == [
        {"slug": "sums", "name": "Sums", "devices_held": 1, "device_quota": None}
    ]
    monkeypatch.setattr(selectors.queue, "FORESEEN", 1)
    times = [item["starts_in_s"] for item in api.get("/queue").json()["items"]]
    assert [time is None for time in times] == [False, True, True]


def test_priority_reorders_the_queue(make_run: MakeRun, make_node: MakeNode, api: Api) -> None:
    make_node()
    make_run()
    services.schedule()
    first, second = make_run(), make_run()
    order = [item["run"] for item in api.get("/queue").json()["items"]]
    assert order == [first.pk, second.pk]
    assert api.patch(f"/runs/{second.pk}", {"priority": 1}).status_code == 200
    order = [item["run"] for item in api.get("/queue").json()["items"]]
    assert order == [second.pk, first.pk]


def test_others_count_but_are_not_shown(
    make_run: MakeRun, make_node: MakeNode, stranger: User, viewer: User
) -> None:
    make_node()
    make_run()
    services.schedule()
    run = make_run()
    seen = caller(stranger).get("/queue").json()
    assert (seen["items"], seen["length"]) == ([], 1)
    assert [project["slug"] for project in seen["projects"]] == ["elsewhere"]
    (line,) = caller(viewer).get("/queue").json()["items"]
    assert (line["run"], line["may_change"]) == (run.pk, False)


def pages(api: Api, limit: int) -> Iterator[list[int]]:
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/queue", limit=limit, **cursor).json()
        yield [item["run"] for item in page["items"]]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def test_a_long_queue_comes_page_by_page(make_run: MakeRun, api: Api) -> None:
    runs = [make_run().pk for _ in range(5)]
    assert list(pages(api, 2)) == [runs[:2], runs[2:4], runs[4:]]
    assert list(pages(api, 5)) == [runs]


def test_a_page_begins_where_the_last_one_ended_whatever_left_or_came(
    make_run: MakeRun, make_node: MakeNode, api: Api, owner: User
) -> None:
    make_node()
    first, second, third, fourth = (make_run() for _ in range(4))
    begun = pages(api, 2)
    assert next(begun) == [first.pk, second.pk]
    ahead = make_run(priority=1)
    assert next(begun) == [third.pk, fourth.pk]
    begun = pages(api, 3)
    assert next(begun) == [ahead.pk, first.pk, second.pk]
    request_stop(run=second, actor=owner)  # the one that ended the page
    assert next(begun) == [third.pk, fourth.pk]


@pytest.mark.parametrize("cursor", ["", "nonsense", encode_cursor(["x", 1]), encode_cursor([1])])
def test_what_is_no_cursor_is_named(api: Api, cursor: str) -> None:
    answer = api.get("/queue", cursor=cursor)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "cursor")


def test_what_goes_on_by_itself_stands_beside_the_queue(
    make_run: MakeRun, api: Api, viewer: User, stranger: User
) -> None:
    later, soon, due, paused = (make_run(name=name) for name in ("later", "soon", "due", "paused"))
    now = timezone.now()
    for run, minutes in ((later, 9), (soon, 2), (due, -1), (paused, 2)):
        Run.objects.filter(pk=run.pk).update(
            resume_at=now + timedelta(minutes=minutes), reason=f"Crashed; {minutes} minutes."
        )
    Run.objects.filter(pk=paused.pk).update(paused="Not before Monday.")
    queue = caller(viewer).get("/queue").json()
    assert [item["run"] for item in queue["items"]] == [due.pk]
    assert [item["run"] for item in queue["resuming"]] == [soon.pk, later.pk]
    assert queue["length"] == 1
    first = queue["resuming"][0]
    assert first["reason"] == "Crashed; 2 minutes."
    assert first["resume_at"] == api.get(f"/runs/{soon.pk}").json()["resume_at"]
    for run in (due, paused):
        assert api.get(f"/runs/{run.pk}").json()["resume_at"] is None
    assert caller(stranger).get("/queue").json()["resuming"] == []


def test_a_run_can_be_made_preemptible(make_run: MakeRun, api: Api) -> None:
    made = api.post("/runs", {"preset": "r1-zero-nano", "preemptible": True, "priority": -5}).json()
    assert (made["preemptible"], made["priority"]) == (True, -5)
    changed = api.patch(f"/runs/{made['id']}", {"preemptible": False}).json()
    assert (changed["preemptible"], changed["priority"]) == (False, -5)


def test_only_staff_set_quotas(api: Api, owner: User, project: Project) -> None:
    assert api.patch("/projects/sums", {"device_quota": 8}).status_code == 403
    owner.is_staff = True
    owner.save()
    answer = api.patch("/projects/sums", {"device_quota": 8})
    assert (answer.status_code, answer.json()["device_quota"]) == (200, 8)
    assert api.get("/me").json()["projects"][0]["device_quota"] == 8
    assert api.patch("/projects/sums", {"device_quota": None}).json()["device_quota"] is None
    assert api.patch("/projects/none", {"device_quota": 8}).status_code == 404
    wrong = api.patch("/projects/sums", {"device_quota": -1})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "device_quota")


@pytest.mark.parametrize("count", [1, 6])
def test_the_queue_takes_the_same_queries_for_any_length(
    make_run: MakeRun,
    make_node: MakeNode,
    api: Api,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    make_node()
    make_run()
    services.schedule()
    for _ in range(count):
        make_run()
    # token, its use, nodes, holders, their leases, queue, devices, ended leases, projects, roles,
    # runs, pace, steps, those that go on by themselves
    with django_assert_num_queries(14):
        api.get("/queue")


def test_a_member_of_two_projects_sees_both(
    make_run: MakeRun, make_node: MakeNode, stranger: User, project: Project
) -> None:
    make_run()
    Membership.objects.create(user=stranger, project=project, role=Membership.Role.MEMBER)
    seen = caller(stranger).get("/queue").json()
    assert [item["project"] for item in seen["items"]] == ["sums"]
    assert {use["slug"] for use in seen["projects"]} == {"sums", "elsewhere"}
