"""Starting runs, the list of them, and what a run answers with."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import Membership, Project, User
from r1web.cluster.models import Device, Lease, Node
from r1web.runs.models import Attempt, Checkpoint, Run, State
from r1web.runs.services import NewEvent, append_events
from tests.r1web.api.test_problems import body_of, fields
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]
START = {"preset": "r1-zero-nano", "name": "first", "config": {"grpo": {"steps": 20}}}


def names(api: Api, **query: object) -> list[str]:
    return [item["name"] for item in api.get("/runs", **query).json()["items"]]


def test_a_run_is_queued_with_its_config_frozen(api: Api) -> None:
    answer = api.post("/runs", START | {"tags": ["a"]})
    run = answer.json()
    assert answer.status_code == 201
    assert (run["state"], run["step"], run["total_steps"]) == ("queued", 0, 20)
    assert run["overrides"] == {"grpo.steps": 20}
    assert run["config"]["grpo"]["group_size"] == run["preset_config"]["grpo"]["group_size"]
    assert run["owner"]["username"] == "olga"
    assert api.get(f"/runs/{run['id']}").json() == run
    assert json.loads(json.dumps(Run.objects.get().config)) == run["config"]


def test_a_run_without_a_name_is_called_after_its_preset(api: Api) -> None:
    assert api.post("/runs", {"preset": "r1-zero-nano"}).json()["name"] == "r1-zero-nano"


@pytest.mark.django_db(transaction=True)
def test_a_run_is_queued_while_the_broker_is_away(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    assert api.post("/runs", START).status_code == 201
    assert "The broker is away" in caplog.text
    assert Run.objects.get().state == State.QUEUED


def test_the_same_key_with_the_same_request_gives_the_same_run(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = api.post("/runs", START, **key), api.post("/runs", START, **key)
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_request_sent_many_times_at_once_starts_one_run(api: Api) -> None:
    together = threading.Barrier(4)
    answers: list[tuple[int, int]] = []

    def send() -> None:
        together.wait()
        answer = api.post("/runs", START, **{"Idempotency-Key": "k1"})
        answers.append((answer.status_code, answer.json().get("id")))
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = Run.objects.get()
    assert answers == [(201, run.pk)] * 4


def test_the_same_key_with_another_request_is_refused(api: Api, member: User) -> None:
    key = {"Idempotency-Key": "k1"}
    api.post("/runs", START, **key)
    problem = body_of(api.post("/runs", START | {"name": "second"}, **key), 409)
    assert problem["code"] == "idempotency_key_reused"
    assert problem["errors"][0]["path"] == "Idempotency-Key"
    assert Run.objects.count() == 1
    assert caller(member).post("/runs", START, **key).status_code == 201


def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    assert fields(api.post("/runs", START | {"name": ""}, **key)) == ["name"]
    assert api.post("/runs", START, **key).status_code == 201
    assert fields(api.post("/runs", START, **{"Idempotency-Key": "k" * 201})) == ["Idempotency-Key"]


def test_a_run_starts_from_a_visible_checkpoint_only(
    api: Api, stranger: User, make_run: MakeRun, make_checkpoint: MakeCheckpoint, runs_dir: Path
) -> None:
    parent = make_run(State.FINISHED)
    checkpoint = make_checkpoint(parent)
    run = api.post("/runs", START | {"checkpoint": checkpoint.pk}).json()
    directory = runs_dir / parent.directory_name / checkpoint.path
    assert run["config"]["model"]["path"] == str(directory)
    assert run["start_checkpoint"]["id"] == checkpoint.pk
    hidden = caller(stranger).post("/runs", START | {"checkpoint": checkpoint.pk})
    assert fields(hidden, 404) == ["checkpoint"]

    Checkpoint.objects.update(deleted_at=timezone.now())
    problem = body_of(api.post("/runs", START | {"checkpoint": checkpoint.pk}), 422)
    assert problem["code"] == "checkpoint_deleted"
    assert [error["path"] for error in problem["errors"]] == ["checkpoint"]
    api.delete(f"/runs/{parent.pk}?name={parent.name}")
    assert fields(api.post("/runs", START | {"checkpoint": checkpoint.pk}), 404) == ["checkpoint"]


def test_a_run_goes_to_the_project_that_is_named(api: Api, owner: User) -> None:
    other = Project.objects.create(slug="other", name="Other")
    assert fields(api.post("/runs", START | {"project": "other"}), 404) == ["project"]
    Membership.objects.create(user=owner, project=other, role=Membership.Role.VIEWER)
    body_of(api.post("/runs", START | {"project": "other"}), 403)
    Membership.objects.update(role=Membership.Role.MEMBER)
    assert api.post("/runs", START | {"project": "other"}).json()["project"] == "other"


def test_the_list_comes_in_pages_without_holes_or_repeats(api: Api, make_run: MakeRun) -> None:
    same = timezone.now()
    made = {make_run(name=f"run {n % 3}", created_at=same).pk for n in range(7)}
    for sort in ["-created_at", "created_at", "name", "-name", "state", "-last_step"]:
        seen, cursor = [], None
        for _ in range(4):
            query = {"cursor": cursor} if cursor else {}
            page = api.get("/runs", limit=2, sort=sort, **query).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        assert len(seen) == 7
        assert set(seen) == made


def test_a_cursor_belongs_to_its_order(api: Api, make_run: MakeRun) -> None:
    for _ in range(3):
        make_run()
    cursor = api.get("/runs", limit=2).json()["next_cursor"]
    assert fields(api.get("/runs", limit=2, sort="name", cursor=cursor)) == ["cursor"]


def test_new_runs_do_not_disturb_a_walk_through_the_list(api: Api, make_run: MakeRun) -> None:
    first = [make_run().pk for _ in range(4)]
    page = api.get("/runs", limit=2).json()
    make_run()
    rest = api.get("/runs", limit=10, cursor=page["next_cursor"]).json()
    seen = [item["id"] for item in page["items"] + rest["items"]]
    assert seen == sorted(first, reverse=True)


def test_filters_narrow_the_list(api: Api, make_run: MakeRun) -> None:
    make_run(State.RUNNING, name="Long sums", tags=["näh", "b"])
    make_run(State.FAILED, name="short", tags=["c"])
    make_run(State.QUEUED, name="other", tags=['qu"ote'], preset="")
    assert names(api) == ["other", "short", "Long sums"]
    assert names(api, state="running") == ["Long sums"]
    assert names(api, state=["running", "failed"]) == ["short", "Long sums"]
    assert names(api, name="SUM") == ["Long sums"]
    assert names(api, preset="r1-zero-nano") == ["short", "Long sums"]
    assert names(api, tag="näh") == ["Long sums"]
    assert names(api, tag='qu"ote') == ["other"]
    assert names(api, tag="n") == []
    assert names(api, owner="olga", q="shor") == ["short"]
    assert names(api, owner="milo") == []
    assert names(api, project="sums", q="c") == ["short"]
    assert names(api, q="%") == []


def test_a_deleted_run_is_gone_from_everywhere(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.FINISHED)
    assert api.delete(f"/runs/{run.pk}?name={run.name}").status_code == 204
    assert names(api) == []
    body_of(api.get(f"/runs/{run.pk}"), 404)
    body_of(api.delete(f"/runs/{run.pk}?name={run.name}"), 404)


def test_the_row_says_what_a_run_has_cost_and_how_long_it_takes(
    api: Api, make_run: MakeRun
) -> None:
    node = Node.objects.create(name="n", queue="node.n", price_per_device_hour=2)
    devices = [Device.objects.create(node=node, kind="gpu", index=index) for index in range(2)]
    now = timezone.now()
    summary = {"reward/mean": 1.5, "eval/pass_at_1": 0.4, "sparkline": [1.0, 1.5]}
    run = make_run(State.RUNNING, last_step=100, summary=summary)
    first = Attempt.objects.create(
        run=run,
        number=1,
        node=node,
        claimed_at=now - timedelta(hours=3),
        started_at=now - timedelta(hours=2.5),
        ended_at=now - timedelta(hours=2),
    )
    second = Attempt.objects.create(
        run=run, number=2, node=node, start_step=50, started_at=now - timedelta(hours=1)
    )
    for attempt in (first, second):
        for device in devices:
            Lease.objects.create(
                device=device, attempt=attempt, released_at=now if attempt == first else None
            )
    row = api.get("/runs").json()["items"][0]
    assert row["duration_s"] == pytest.approx(7200, abs=60)
    assert row["device_hours"] == pytest.approx(4, rel=0.02)
    assert row["cost_usd"] == pytest.approx(8, rel=0.02)
    assert row["eta_s"] == pytest.approx(3600 / 50 * (run.total_steps - 100), rel=0.02)
    assert (row["reward"], row["pass_at_1"], row["sparkline"]) == (1.5, 0.4, [1.0, 1.5])
    attempts = api.get(f"/runs/{run.pk}").json()["attempts"]
    assert [(held["devices"], held["usd_per_hour"]) for held in attempts] == [(2, 4), (2, 4)]
    assert [held["claimed_at"] is None for held in attempts] == [False, True]


def test_a_list_takes_as_many_queries_for_thirty_runs_as_for_one(
    owner: User, make_run: MakeRun, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = Client()
    browser.force_login(owner)
    for count in (1, 30):
        while Run.objects.count() < count:
            run = make_run(State.RUNNING)
            Attempt.objects.create(run=run, number=1, started_at=timezone.now())
        with django_assert_num_queries(5):  # session, user, the page, its runs, their attempts
            answer = browser.get("/api/v1/runs")
        assert len(answer.json()["items"]) == count


def test_events_after_a_number(api: Api, make_run: MakeRun) -> None:
    run = make_run()
    append_events(run=run, attempt=None, items=[NewEvent("log", {"n": n}) for n in range(5)])
    answer = api.get(f"/runs/{run.pk}/events", after_seq=2, limit=2).json()
    assert [(item["seq"], item["payload"]) for item in answer["items"]] == [
        (3, {"n": 1}),
        (4, {"n": 2}),
    ]
    assert answer["last_seq"] == 6
    assert api.get(f"/runs/{run.pk}/events", after_seq=6).json() == {"items": [], "last_seq": 6}


def test_the_log_is_read_from_its_end_or_from_a_place(
    api: Api, make_run: MakeRun, runs_dir: Path
) -> None:
    run = make_run()
    nothing = {"text": "", "offset": 0, "next_offset": 0, "size": 0}
    assert api.get(f"/runs/{run.pk}/logs").json() == nothing
    folder = runs_dir / run.directory_name
    folder.mkdir(parents=True)
    (folder / "trainer.log").write_bytes(b"one\ntwo\n\xff\n")
    tail = api.get(f"/runs/{run.pk}/logs", limit=6).json()
    assert tail == {
        "text": "two\n\N{REPLACEMENT CHARACTER}\n",
        "offset": 4,
        "next_offset": 10,
        "size": 10,
    }
    piece = api.get(f"/runs/{run.pk}/logs", offset=0, limit=4).json()
    assert (piece["text"], piece["next_offset"]) == ("one\n", 4)
    beyond = api.get(f"/runs/{run.pk}/logs", offset=99).json()
    assert (beyond["text"], beyond["next_offset"]) == ("", 10)


def test_checkpoints_and_history_are_listed(
    api: Api, make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run(State.RUNNING)
    for step in (50, 100, 150):
        make_checkpoint(run, step)
    page = api.get(f"/runs/{run.pk}/checkpoints", limit=2).json()
    rest = api.get(f"/runs/{run.pk}/checkpoints", cursor=page["next_cursor"]).json()
    assert [item["step"] for item in page["items"] + rest["items"]] == [150, 100, 50]
    history = api.get(f"/runs/{run.pk}/transitions").json()["items"]
    assert [item["to_state"] for item in history] == ["running", "starting", "queued"]
    assert history[-1]["actor"] == "olga"


def test_stop_resume_and_fork_by_rest(
    api: Api, make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run(State.RUNNING)
    stopped = api.post(f"/runs/{run.pk}/stop", {"reason": "enough"}).json()
    assert (stopped["state"], stopped["desired"], stopped["reason"]) == (
        "stopping",
        "stopped",
        "enough",
    )
    assert body_of(api.post(f"/runs/{run.pk}/resume"), 409)["code"] == "not_ended"
    assert body_of(api.post(f"/runs/{run.pk}/fork"), 409)["code"] == "no_checkpoint"
    make_checkpoint(run)
    fork = api.post(f"/runs/{run.pk}/fork", {"name": "fork", "config": {"seed": 4}})
    assert fork.status_code == 201
    assert fork.json()["parent"] == {"id": run.pk, "name": "sums", "step": 50}
    assert fork.json()["config"]["seed"] == 4
    Run.objects.filter(pk=run.pk).update(state=State.STOPPED)
    assert api.post(f"/runs/{run.pk}/resume", "").json()["state"] == "queued"
