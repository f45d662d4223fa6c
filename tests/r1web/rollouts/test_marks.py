"""Stars of one's own on completions, and notes for all who see the run."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from r1web.accounts.models import Membership, Project, User
from r1web.rollouts.models import CompletionNote, Star
from r1web.rollouts.services import append_groups, seal_full
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.metrics.test_api import body_of
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """Twenty groups of two, of which sixteen fill a segment."""
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    append_groups([(attempt, rollouts(step, 0, [1.0, 0.0])) for step in range(1, 21)])
    return run


def name(run: Run, step: int, index: int) -> str:
    return f"{run.groups.get(step=step).pk}-{index}"


def starred(api: Api, run: Run, **query: Any) -> list[tuple[int, int]]:
    answer = api.get(f"/runs/{run.pk}/completions", starred=True, sort="step", **query).json()
    return [(row["step"], row["index"]) for row in answer["items"]]


def test_a_star_is_ones_own(run: Run, api: Api, viewer: User, stranger: User) -> None:
    path = f"/completions/{name(run, 3, 1)}"
    for _ in range(2):
        assert api.send("PUT", f"{path}/star").status_code == 204
    assert Star.objects.count() == 1
    assert api.get(path).json()["completion"]["starred"] is True
    assert starred(api, run) == [(3, 1)]
    looking = caller(viewer)
    assert looking.get(path).json()["completion"]["starred"] is False
    assert starred(looking, run) == []
    assert looking.send("PUT", f"{path}/star").status_code == 204  # who may look may mark
    assert api.delete(f"{path}/star").status_code == 204
    assert api.delete(f"{path}/star").status_code == 204
    assert (starred(api, run), starred(looking, run)) == ([], [(3, 1)])
    for method in ("PUT", "DELETE"):
        assert caller(stranger).send(method, f"{path}/star").status_code == 404
    assert api.send("PUT", f"/completions/{name(run, 3, 0)[:-1]}9/star").status_code == 404


def test_lists_and_files_take_only_what_is_starred(run: Run, api: Api) -> None:
    for step, index in [(20, 1), (2, 0), (7, 1)]:
        api.send("PUT", f"/completions/{name(run, step, index)}/star")
    assert starred(api, run) == [(2, 0), (7, 1), (20, 1)]
    assert starred(api, run, where="reward=0") == [(7, 1), (20, 1)]
    assert len(list(seal_full())) == 1  # what is written anew keeps its stars
    assert starred(api, run) == [(2, 0), (7, 1), (20, 1)]
    answer = api.get(f"/runs/{run.pk}/completions", starred=True, sort="step", limit=2).json()
    assert (answer["matched"], answer["total"]) == (3, 40)
    rest = api.get(
        f"/runs/{run.pk}/completions",
        starred=True, sort="step", limit=2, cursor=answer["next_cursor"],
    ).json()  # fmt: skip
    assert [row["step"] for row in rest["items"]] == [20]


@pytest.mark.django_db(transaction=True)  # each piece is read in a thread
def test_a_file_of_what_is_starred(run: Run, api: Api) -> None:
    api.send("PUT", f"/completions/{name(run, 7, 1)}/star")
    lines = body_of(api.get(f"/runs/{run.pk}/completions/export", starred=True)).splitlines()
    assert [(json.loads(line)["step"], json.loads(line)["index"]) for line in lines] == [(7, 1)]


def test_all_stars_come_together_those_set_last_first(
    run: Run, make_run: MakeRun, api: Api, owner: User, project: Project
) -> None:
    other = make_run(name="other")
    attempt = Attempt.objects.create(run=other, number=1, started_at=timezone.now())
    append_groups([(attempt, rollouts(1, 0, [1.0]))])
    names = [name(run, 5, 0), name(other, 1, 0), name(run, 1, 1)]
    for each in names:
        api.send("PUT", f"/completions/{each}/star")
    first = api.get("/starred-completions", limit=2).json()
    rest = api.get("/starred-completions", limit=2, cursor=first["next_cursor"]).json()
    rows = first["items"] + rest["items"]
    assert [row["completion"]["id"] for row in rows] == names[::-1]
    assert [(row["run_id"], row["run"]) for row in rows][1] == (other.pk, "other")
    assert all(row["completion"]["starred"] for row in rows)
    assert rest["next_cursor"] is None
    Membership.objects.filter(user=owner, project=project).delete()
    assert api.get("/starred-completions").json()["items"] == []


def test_notes_are_for_all_and_of_one(
    run: Run, api: Api, member: User, viewer: User, stranger: User
) -> None:
    path = f"/completions/{name(run, 3, 1)}/notes"
    theirs, looking = caller(member), caller(viewer)
    made = api.post(path, {"body": "  it <b>skips</b> a step\n"})
    assert made.status_code == 201
    note = made.json()
    assert (note["author"], note["mine"], note["body"]) == ("olga", True, "it <b>skips</b> a step")
    assert theirs.post(path, {"body": "where?"}).status_code == 201
    assert looking.post(path, {"body": "me too"}).status_code == 403
    assert caller(stranger).post(path, {"body": "hm"}).status_code == 404
    assert [
        (each["author"], each["mine"], each["body"]) for each in looking.get(path).json()["items"]
    ] == [("olga", False, "it <b>skips</b> a step"), ("milo", False, "where?")]
    assert caller(stranger).get(path).status_code == 404

    own = f"/completion-notes/{note['id']}"
    assert theirs.send("PUT", own, {"body": "no"}).status_code == 403
    assert theirs.delete(own).status_code == 403
    assert caller(stranger).delete(own).status_code == 404
    changed = api.send("PUT", own, {"body": "fine"}).json()
    assert (changed["body"], changed["edited_at"] is None) == ("fine", False)
    listed = api.get(f"/runs/{run.pk}/completions", where=["step=3"], sort="index").json()["items"]
    assert [row["notes"] for row in listed] == [0, 2]
    assert api.delete(own).status_code == 204
    assert [each["body"] for each in api.get(path).json()["items"]] == ["where?"]


@pytest.mark.parametrize("body", ["", "  \n", "x" * 10_001, "a\0b", None])
def test_a_note_says_something_and_not_too_much(run: Run, api: Api, body: str | None) -> None:
    answer = api.post(f"/completions/{name(run, 1, 0)}/notes", {"body": body})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "body"


def test_a_note_outlives_its_author(run: Run, api: Api, member: User) -> None:
    path = f"/completions/{name(run, 1, 0)}/notes"
    caller(member).post(path, {"body": "kept"})
    member.delete()
    (note,) = api.get(path).json()["items"]
    assert (note["author"], note["mine"], note["body"]) == (None, False, "kept")


def test_they_go_with_the_run(run: Run, api: Api) -> None:
    api.send("PUT", f"/completions/{name(run, 1, 0)}/star")
    api.post(f"/completions/{name(run, 1, 0)}/notes", {"body": "gone soon"})
    run.groups.all().delete()
    assert not Star.objects.exists()
    assert not CompletionNote.objects.exists()
